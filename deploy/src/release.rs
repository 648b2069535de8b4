//! What is deployed: images under a tag, which is the git revision unless another one is given.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

use crate::{
    aws::Aws,
    definition::{self, Values},
    make, say,
    services::{self, SERVICES},
};

/// The rule for tags of images, which docker/names.sh applies to builds as well.
pub(crate) fn valid_tag(tag: &str) -> Result<String, String> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let valid = (1..=128).contains(&tag.len())
        && tag.starts_with(word)
        && tag.chars().all(|letter| word(letter) || letter == '.' || letter == '-');
    if !valid {
        return Err("no tag for an image: use up to 128 letters, digits, _ . and -".to_owned());
    }
    if tag == "latest" {
        return Err("`latest` does not tell what runs: leave TAG out (the git revision), or name a version".to_owned());
    }
    Ok(tag.to_owned())
}

/// The tag to deploy: the one given, or the revision of the checkout, if that is what the images would be made of.
pub(crate) async fn tag(given: Option<String>) -> Result<String> {
    if let Some(tag) = given.filter(|tag| !tag.is_empty()) {
        return Ok(tag);
    }
    let revision = git(&["rev-parse", "--short=12", "HEAD"])
        .await
        .context("the tag is the git revision, and git knows none here: give one, such as TAG=first")?;
    let changed = git(&["status", "--porcelain"]).await?;
    ensure!(
        changed.is_empty(),
        "the checkout has changes that are not committed, so the tag {revision} would lie about what is in the images: \
         commit or stash them, or give the images a name of their own, such as TAG=second. Changed:\n{changed}"
    );
    Ok(revision)
}

/// Whether the registry has the image of `service` under `tag`.
pub(crate) async fn is_pushed(aws: &Aws, values: &Values, service: &str, tag: &str) -> Result<bool> {
    let repository = format!("{}/{service}", definition::value(values, "Cluster")?);
    let image = format!("imageTag={tag}");
    let found = aws
        .find_one(
            &["ecr", "describe-images", "--repository-name", &repository, "--image-ids", &image],
            &["ImageNotFoundException", "RepositoryNotFoundException"],
        )
        .await?;
    Ok(found.is_some_and(|answer| answer.pointer("/imageDetails/0").is_some()))
}

/// Fails unless the registry has the image of `service` under `tag`.
pub(crate) async fn require_pushed(aws: &Aws, values: &Values, service: &str, tag: &str) -> Result<()> {
    if is_pushed(aws, values, service, tag).await? {
        return Ok(());
    }
    bail!(
        "there is no image {service}:{tag} in the registry {}: `{}` builds and pushes it; `aws ecr list-images \
         --repository-name {}/{service}` lists the tags that are there",
        definition::value(values, "Registry")?,
        make::command("release", &[("TAG", tag)]),
        definition::value(values, "Cluster")?
    )
}

/// Builds and pushes the images of `tag`, unless the registry has them: its tags cannot be changed, so they are the same.
pub(crate) async fn push(aws: &Aws, values: &Values, tag: &str) -> Result<()> {
    say::step(format_args!("images {tag} in the registry"));
    let mut there = true;
    for service in SERVICES {
        there &= is_pushed(aws, values, service.name, tag).await?;
    }
    if there {
        say::done(format_args!("{} are there already", services::names().join(" and ")));
        return Ok(());
    }
    let registry = definition::value(values, "Registry")?;
    log_in(aws, registry).await?;
    for target in ["build", "push"] {
        let words = ["make", target, &format!("TAG={tag}"), &format!("REGISTRY={registry}")].map(str::to_owned);
        say::command(&words);
        let command = words.join(" ");
        let script = format!("docker/{target}.sh");
        let status =
            Command::new(&script).env("TAG", tag).env("REGISTRY", registry).stdin(Stdio::null()).status().await;
        ensure!(status.with_context(|| format!("{script} cannot be run"))?.success(), "`{command}` failed; see above");
    }
    Ok(())
}

/// Fails unless a Docker engine answers: images are built with it.
pub(crate) async fn require_engine() -> Result<()> {
    let asked = Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output().await;
    let output =
        asked.context("Docker is not installed, and images are built with it (Debian: apt-get install docker.io)")?;
    ensure!(
        output.status.success(),
        "no Docker engine answers, and images are built with it: start it (with systemd: systemctl start docker). Docker \
         says: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

async fn log_in(aws: &Aws, registry: &str) -> Result<()> {
    let host = registry.split('/').next().unwrap_or(registry);
    let password = aws.call(&["ecr", "get-login-password"]).await?;
    let words = ["docker", "login", "--username", "AWS", "--password-stdin", host].map(str::to_owned);
    say::command(&words);
    let mut login = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("docker cannot be run")?;
    let mut input = login.stdin.take().context("docker takes no input")?;
    tokio::io::AsyncWriteExt::write_all(&mut input, password.as_str().unwrap_or_default().as_bytes()).await?;
    drop(input);
    let output = login.wait_with_output().await?;
    ensure!(output.status.success(), "no login at {host}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

async fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).output().await.context("git cannot be run")?;
    ensure!(output.status.success(), "git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
