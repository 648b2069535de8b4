//! What the scripts refuse, before anything is done, with what helps.

use harness::docker::{script, tag};

async fn refused(name: &str, arguments: &[&str], settings: &[(&str, &str)], expected: &[&str]) {
    let (status, said) = script(name, arguments, settings).await;
    assert!(!status.success(), "{name} {settings:?}: {said}");
    for part in expected {
        assert!(said.contains(part), "{part:?} is not in what {name} said of {settings:?}: {said}");
    }
}

#[tokio::test]
async fn bad_names_are_refused_with_the_remedy() {
    let Some(_) = tag() else { return };
    for name in ["build.sh", "push.sh"] {
        refused(name, &[], &[("TAG", "latest")], &["TAG=latest", "leave TAG out"]).await;
        refused(name, &[], &[("TAG", "two words")], &["TAG=two words", "letters, digits"]).await;
        refused(name, &[], &[("REGISTRY", "https://registry.example.org")], &["REGISTRY=https", "host and path"]).await;
    }
    refused("build.sh", &[], &[("PLATFORMS", "windows/amd64")], &["windows/amd64", "linux/arm64"]).await;
    refused("build.sh", &[], &[("BUILDER", "magic")], &["BUILDER=magic", "auto, docker, machine"]).await;
    let foreign = if cfg!(target_arch = "aarch64") { "linux/amd64" } else { "linux/arm64" };
    refused("build.sh", &[], &[("BUILDER", "machine"), ("PLATFORMS", foreign)], &["can compile for", "builder"]).await;
}

#[tokio::test]
async fn what_is_not_there_is_not_pushed_and_not_run() {
    let Some(tag) = tag() else { return };
    refused("push.sh", &[], &[], &["REGISTRY is not set", "Docker Hub"]).await;
    let missing = [("TAG", "never-built"), ("REGISTRY", "127.0.0.1:1/playground")];
    refused("push.sh", &[], &missing, &["no image location:never-built", "make build"]).await;
    let project = ("TOPOLOGY", "ecs-playground-refused");
    // Free ports, for whatever else listens on the usual ones.
    let [location, user, location_statistics, user_statistics] =
        [(); 4].map(|()| playground::ports::free().unwrap().to_string());
    let ports = [
        project,
        ("USER_PORT", &*user),
        ("LOCATION_STATS_PORT", &*location_statistics),
        ("USER_STATS_PORT", &*user_statistics),
    ];
    let up = |more: &[(&'static str, &str)]| {
        [&ports[..], more].concat().iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>()
    };
    let told = async |settings: Vec<(&'static str, String)>, expected: &[&str]| {
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        refused("topology.sh", &["up"], &settings, expected).await;
    };
    told(up(&[("LOCATION_PORT", &location), ("TAG", "never-built")]), &["no image location:never-built", "make build"])
        .await;
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().port().to_string();
    told(up(&[("LOCATION_PORT", &taken), ("TAG", &tag)]), &[&format!("port {taken} is taken"), "LOCATION_PORT="]).await;
    told(up(&[("LOCATION_PORT", "eighty"), ("TAG", &tag)]), &["LOCATION_PORT=eighty is no port"]).await;
    refused("topology.sh", &["scale", "location=0"], &[project], &["location=0", "1 to 16"]).await;
    refused("topology.sh", &["scale", "location=2"], &[project], &["no task of location runs", "make up"]).await;
    refused("topology.sh", &["scale"], &[project], &["make scale LOCATION=6"]).await;
    refused("topology.sh", &["down"], &[project, ("DATA", "perhaps")], &["DATA=perhaps", "keep, remove"]).await;
}
