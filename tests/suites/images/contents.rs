//! What is in an image, and what is not.

use std::fs;

use harness::docker::{Container, docker, tag, try_docker};
use playground::{folders, images::SOURCE_URL};
use serde_json::Value;

/// What Docker itself puts into every container.
const OF_DOCKER: [&str; 8] =
    [".dockerenv", "dev/", "etc/", "proc/", "sys/", "etc/hostname", "etc/hosts", "etc/resolv.conf"];

#[tokio::test]
async fn an_image_is_one_static_binary_without_a_shell() {
    let Some(tag) = tag() else { return };
    for service in ["location", "user"] {
        let image = format!("{service}:{tag}");
        let container = Container::create(&[&image]).await;
        let archive = std::env::temp_dir().join(format!("image-{}-{service}.tar", std::process::id()));
        docker(&["export", "--output", &archive.display().to_string(), container.id()]).await;
        let list = std::process::Command::new("tar").arg("--list").arg("--file").arg(&archive).output().unwrap();
        fs::remove_file(&archive).unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        let files: Vec<&str> = list
            .lines()
            .filter(|file| !OF_DOCKER.contains(file) && !file.starts_with("dev/") && *file != "etc/mtab")
            .collect();
        assert_eq!(files, [service], "{list}");

        let (status, said) = try_docker(&["run", "--rm", "--entrypoint", "/bin/sh", &image, "-c", "true"]).await;
        assert!(!status.success(), "{said}");
        // It starts with nothing around it, so it is static.
        let said = docker(&["run", "--rm", "--network", "none", "--read-only", &image, "--version"]).await;
        assert_eq!(said, format!("{service} {}", env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn an_image_is_small_and_says_what_it_is_and_runs_as_nobody() {
    let Some(tag) = tag() else { return };
    for (service, port) in [("location", location::SERVICE.default_port), ("user", user::SERVICE.default_port)] {
        let said = docker(&["image", "inspect", &format!("{service}:{tag}")]).await;
        let image = &serde_json::from_str::<Value>(&said).unwrap()[0];
        assert!(image["Size"].as_u64().unwrap() <= 15_000_000, "{}", image["Size"]);
        let config = &image["Config"];
        assert_eq!(config["User"], "65532:65532");
        assert_eq!(config["Entrypoint"], serde_json::json!([format!("/{service}")]));
        assert_eq!(config["Healthcheck"]["Test"], serde_json::json!(["CMD", format!("/{service}"), "healthcheck"]));
        assert!(config["ExposedPorts"][format!("{port}/tcp")].is_object(), "{}", config["ExposedPorts"]);
        let label =
            |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap_or_default();
        assert_eq!((label("title"), label("version")), (service, env!("CARGO_PKG_VERSION")));
        assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
        assert_eq!(label("source"), SOURCE_URL);
        let revision = std::process::Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(folders::workspace())
            .output()
            .unwrap();
        assert_eq!(label("revision"), String::from_utf8(revision.stdout).unwrap().trim());
    }
}

#[tokio::test]
async fn the_bill_of_materials_lists_what_was_compiled_and_nothing_else() {
    let Some(_) = tag() else { return };
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let file = folders::workspace().join("target/images").join(triple).join("location.cdx.json");
    let bill: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["metadata"]["component"]["name"]), (&"CycloneDX".into(), &"location".into()));
    let names: Vec<&str> =
        bill["components"].as_array().unwrap().iter().filter_map(|component| component["name"].as_str()).collect();
    for there in ["actix-web", "chassis", "h3o", "ring", "sqlx-mysql", "tokio"] {
        assert!(names.contains(&there), "{there} is not in {names:?}");
    }
    for elsewhere in ["sqlx-postgres", "libsqlite3-sys", "proptest", "serde_derive", "user"] {
        assert!(!names.contains(&elsewhere), "{elsewhere} is in {names:?}");
    }
}
