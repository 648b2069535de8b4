//! The two ways to compile what goes into the images, and that they come to the same.
//!
//! It takes minutes, so `make test-images` asks for it; CI does.

use std::{env, fs, path::Path, process::Command};

use harness::{
    docker::{docker, script, script_of, tag},
    not_run,
};
use playground::{folders, process};
use tokio::time::{Duration, Instant};

/// The layers of an image: in each of ours there is one, with the binary.
async fn layers(image: &str) -> String {
    docker(&["image", "inspect", "--format", "{{json .RootFS.Layers}}", image]).await
}

/// A clone of the checkout, with the changes that are not committed.
async fn clone(to: &Path) {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", CLONE, "clone"]).arg(to).current_dir(folders::workspace());
    process::output("the clone", command, Duration::from_mins(1)).await.unwrap();
}

/// What git says of the checkout: what is changed, and what is not known to it.
async fn changes() -> String {
    let mut command = Command::new("git");
    command.args(["status", "--porcelain"]).current_dir(folders::workspace());
    process::output("git status", command, Duration::from_secs(10)).await.unwrap()
}

const CLONE: &str = r#"
    git clone --quiet --no-hardlinks . "$1"
    git ls-files -z --cached --others --exclude-standard |
        tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory "$1"
"#;

/// The version of the builder that the Dockerfile names.
fn pinned() -> String {
    let file = fs::read_to_string(folders::workspace().join("docker/build/Dockerfile")).unwrap();
    let image = file.lines().find_map(|line| line.strip_prefix("ARG RUST_IMAGE=rust:")).unwrap();
    image.split('-').next().unwrap().to_owned()
}

#[test]
fn the_builder_has_the_compiler_of_the_toolchain_file() {
    let file = fs::read_to_string(folders::workspace().join("rust-toolchain.toml")).unwrap();
    assert!(file.contains(&format!("channel = \"{}\"", pinned())), "{file} and rust:{}", pinned());
}

#[test]
fn both_ways_list_their_materials_with_the_same_tool() {
    let read = |file| fs::read_to_string(folders::workspace().join(file)).unwrap();
    let (here, in_docker) = (read("scripts/tools.sh"), read("docker/build/Dockerfile"));
    let version = here.split_once("subcommand cargo-cyclonedx ").unwrap().1.split_whitespace().next().unwrap();
    assert!(in_docker.contains(&format!("cargo-cyclonedx@{version}")), "{version}");
}

#[tokio::test]
async fn in_a_container_and_on_a_machine_the_same_sources_become_the_same_layers() {
    let Some(tag) = tag() else { return };
    if env::var_os("TEST_BUILDERS").is_none() {
        return not_run("it takes minutes; `make test-images` runs it");
    }
    let folder = env::temp_dir().join(format!("clone-{}", std::process::id()));
    clone(&folder).await;
    let builder = format!("{tag}-docker");
    let (status, said) = script("image.sh", &["rust"], &[]).await;
    assert!(status.success(), "{said}");
    let rust = said.lines().last().unwrap().to_owned();

    let build = async |checkout: &Path, settings: &[(&str, &str)]| {
        let begun = Instant::now();
        let (status, said) = script_of(checkout, "build.sh", &[], settings).await;
        assert!(status.success(), "{said}");
        eprintln!("{settings:?}: {:.1} s", begun.elapsed().as_secs_f64());
        (begun.elapsed(), said)
    };
    let in_docker = [("BUILDER", "docker"), ("RUST_IMAGE", rust.as_str()), ("TAG", builder.as_str())];
    build(&folder, &in_docker).await;
    let (unchanged, _) = build(&folder, &in_docker).await;
    assert!(unchanged < Duration::from_secs(30), "{unchanged:?} for nothing");
    let images = ["location", "user"].map(|service| format!("{service}:{builder}"));
    let made_in_docker = [layers(&images[0]).await, layers(&images[1]).await];
    let materials_in_docker = materials(&folder);

    // In another folder, with the machine's own toolchain.
    let before = changes().await;
    build(folders::workspace(), &[("BUILDER", "machine"), ("TAG", &builder)]).await;
    assert_eq!(changes().await, before, "a build that leaves files behind gives the next one another tag");
    if rust.starts_with("ecs-playground/") && is_bookworm() {
        assert_eq!([layers(&images[0]).await, layers(&images[1]).await], made_in_docker);
        assert_eq!(materials(folders::workspace()), materials_in_docker);
    } else {
        not_run("the machine's C library is not the builder's, so what they make differs");
    }

    // A change of the services leaves what comes from elsewhere as it is: that stage has nothing to do.
    let source = folder.join("services/location/src/lib.rs");
    let changed = fs::read_to_string(&source).unwrap().replace("default_port: 8081", "default_port: 8082");
    fs::write(&source, changed).unwrap();
    let targets = format!("TARGETS={}-unknown-linux-gnu", env::consts::ARCH);
    let rust = format!("RUST_IMAGE={rust}");
    let mut command = Command::new("bash");
    command.args([
        "-euo",
        "pipefail",
        "-c",
        r#". docker/engine.sh; plugin buildx build --progress plain "$@" 2>&1"#,
        "build",
    ]);
    command.args(["--file", "docker/build/Dockerfile", "--target", "dependencies"]);
    command.args(["--build-arg", &targets, "--build-arg", &rust, "."]).current_dir(&folder);
    let said = process::output("docker buildx build", command, Duration::from_mins(30)).await.unwrap();
    assert!(said.contains("CACHED") && !said.contains("Compiling"), "the dependencies were compiled again: {said}");

    docker(&["image", "rm", &images[0], &images[1]]).await;
    fs::remove_dir_all(&folder).unwrap();
}

/// What the build says is in the location service.
fn materials(checkout: &Path) -> String {
    let folder = format!("target/images/{}-unknown-linux-gnu", env::consts::ARCH);
    fs::read_to_string(checkout.join(folder).join("location.cdx.json")).unwrap()
}

/// Whether this machine has the C library of the builder.
fn is_bookworm() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|release| release.contains("VERSION_CODENAME=bookworm"))
}
