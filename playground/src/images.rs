//! The services' images, for the tests that run them.

use std::{process::Command, sync::Arc, time::Duration};

use anyhow::Result;

use crate::{
    engine::{Engine, docker},
    folders, process, terminal,
};

/// Where the sources are said to be: the same in every checkout.
pub const SOURCE_URL: &str = "https://example.org/ecs-playground.git";

/// Images of the services, under a tag of this process's own.
#[derive(Debug)]
pub struct Images {
    tag: String,
    // Needed to remove them.
    _engine: Arc<Engine>,
}

impl Images {
    /// Builds them, as `make build` does.
    pub async fn build(engine: &Arc<Engine>) -> Result<Self> {
        let images = Self { tag: format!("test-{}", std::process::id()), _engine: Arc::clone(engine) };
        let step = terminal::step("building the services' images (some minutes the first time)");
        let mut command = Command::new(folders::workspace().join("docker/build.sh"));
        command.env("TAG", &images.tag).env("SOURCE_URL", SOURCE_URL).env_remove("REGISTRY").env_remove("PLATFORMS");
        process::output("docker/build.sh", command, Duration::from_hours(1)).await?;
        step.done(format_args!("built location:{0} and user:{0}", images.tag));
        Ok(images)
    }

    /// Their tag.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Removes them. What runs of them has to be removed before.
    pub async fn remove(self) -> Result<()> {
        let names = ["location", "user"].map(|service| format!("{service}:{}", self.tag));
        docker(&["image", "rm", "--force", &names[0], &names[1]], Duration::from_mins(1)).await.map(drop)
    }
}
