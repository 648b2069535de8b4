//! `make push`, to a real registry on this machine.

use std::process::Command;

use harness::{
    Client, PATIENCE,
    docker::{Container, docker, script, tag},
    eventually, send,
};
use playground::{folders, process};

/// A registry that takes images from anybody.
struct Registry {
    container: Container,
    address: String,
    client: Client,
}

impl Registry {
    async fn start() -> Self {
        let (status, said) = script("image.sh", &["registry"], &[]).await;
        assert!(status.success(), "{said}");
        let image = said.lines().last().unwrap();
        let container = Container::run(&["--publish", "127.0.0.1::5000", image]).await;
        let address = docker(&["port", container.id(), "5000"]).await;
        let base = format!("http://{address}");
        eventually("the registry answers", async || {
            playground::http::get(&format!("{base}/v2/")).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        Self { container, address, client: Client::new(base) }
    }

    fn repository(&self) -> String {
        format!("{}/playground", self.address)
    }
}

/// The digest that the script printed for a service.
fn printed_digest<'a>(said: &'a str, repository: &str, service: &str) -> &'a str {
    let line = said.lines().find_map(|line| line.strip_prefix(&format!("pushed {repository}/{service}@")));
    line.and_then(|line| line.split_whitespace().next()).unwrap_or_else(|| panic!("{said}"))
}

#[tokio::test]
async fn images_are_pushed_by_tag_and_come_back_by_the_digest_that_is_printed() {
    let Some(tag) = tag() else { return };
    let registry = Registry::start().await;
    let repository = registry.repository();
    let (status, said) = script("push.sh", &[], &[("TAG", &tag), ("REGISTRY", &repository)]).await;
    assert!(status.success(), "{said}");
    for service in ["location", "user"] {
        let tags = registry.client.get(&format!("/v2/playground/{service}/tags/list")).await.expect(200).json();
        assert_eq!(tags["tags"], serde_json::json!([tag]));
        let by_digest = format!("{repository}/{service}@{}", printed_digest(&said, &repository, service));
        docker(&["image", "rm", &format!("{repository}/{service}:{tag}")]).await;
        docker(&["pull", &by_digest]).await;
        let id = async |image: &str| docker(&["image", "inspect", "--format", "{{.Id}}", image]).await;
        assert_eq!(id(&by_digest).await, id(&format!("{service}:{tag}")).await);
        docker(&["image", "rm", &by_digest]).await;
    }
}

#[tokio::test]
async fn a_registry_that_does_not_take_an_image_is_told_with_the_remedy() {
    let Some(tag) = tag() else { return };
    let registry = Registry::start().await;
    let repository = registry.repository();
    drop(registry.container);
    let (status, said) = script("push.sh", &[], &[("TAG", &tag), ("REGISTRY", &repository)]).await;
    assert!(!status.success() && said.contains("was not pushed") && said.contains("docker login"), "{said}");
    for service in ["location", "user"] {
        docker(&["image", "rm", &format!("{repository}/{service}:{tag}")]).await;
    }
}

/// Makes `image` of the one that is there, as if it were of that architecture: its contents do not matter here.
async fn labelled(there: &str, architecture: &str, image: &str) {
    let script = format!(
        r"set -euo pipefail; . docker/engine.sh; printf 'FROM --platform=$BUILDPLATFORM {there}\nLABEL for={architecture}\n' |
        plugin buildx build --quiet --load --provenance=false --platform linux/{architecture} --tag {image} -"
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(folders::workspace());
    process::output("docker buildx build", command, PATIENCE).await.unwrap_or_else(|error| panic!("{error:#}"));
}

#[tokio::test]
async fn images_of_several_platforms_are_joined_under_one_tag() {
    let Some(tag) = tag() else { return };
    let (registry, built, tag) = (Registry::start().await, &tag, format!("{tag}-joined"));
    let repository = registry.repository();
    let architectures = ["amd64", "arm64"];
    let mut made = Vec::new();
    for service in ["location", "user"] {
        for architecture in architectures {
            let image = format!("{service}:{tag}-{architecture}");
            labelled(&format!("{service}:{built}"), architecture, &image).await;
            made.extend([format!("{repository}/{image}"), image]);
        }
    }
    let settings = [("TAG", tag.as_str()), ("REGISTRY", &repository), ("PLATFORMS", "linux/amd64,linux/arm64")];
    let (status, said) = script("push.sh", &[], &settings).await;
    assert!(status.success(), "{said}");
    for service in ["location", "user"] {
        let path = format!("/v2/playground/{service}/manifests/{tag}");
        let kinds =
            "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json";
        let answer = send(registry.client.request(http::Method::GET, &path).header("accept", kinds)).await.expect(200);
        assert_eq!(answer.header("docker-content-digest"), printed_digest(&said, &repository, service));
        let list = answer.json();
        let platforms: Vec<_> =
            list["manifests"].as_array().unwrap().iter().map(|part| &part["platform"]["architecture"]).collect();
        assert_eq!(platforms, architectures);
    }
    let remove: Vec<&str> = ["image", "rm"].into_iter().chain(made.iter().map(String::as_str)).collect();
    docker(&remove).await;
}
