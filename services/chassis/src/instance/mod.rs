//! Which of many tasks this is: what was deployed, and in which container it runs.

mod metadata;

use std::{
    str::FromStr,
    sync::{Arc, OnceLock},
};

pub(crate) use metadata::MetadataUri;
pub use metadata::Placement;

use crate::settings::Reader;

/// One running task of a service, as it names itself on its home page, in `/health`, its figures and its log.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The service's name, such as `location`.
    pub service: &'static str,
    /// Version of the service's crate.
    pub version: &'static str,
    /// What was deployed: `RELEASE`, which an image sets to the tag it was built under; without it the crate's version.
    /// A rollout is done when this, asked through the balancer, has changed everywhere.
    pub release: String,
    /// The container's host name; on ECS and in Docker the beginning of its id.
    pub container: String,
    /// Known a moment after the start, on ECS.
    placement: Arc<OnceLock<Placement>>,
}

impl Instance {
    /// Reads `RELEASE`, of a service of that name and version.
    pub fn read(service: &'static str, version: &'static str, reader: &mut Reader) -> Self {
        Self {
            service,
            version,
            release: reader.or("RELEASE", Release(version.to_owned())).0,
            container: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            placement: Arc::default(),
        }
    }

    /// Where ECS runs the task, if ECS does and has said so.
    #[must_use]
    pub fn placement(&self) -> Option<&Placement> {
        self.placement.get()
    }
}

/// Longest name of a release, in characters: that of an image's tag.
const MAX_RELEASE: usize = 128;

/// A name of a release, which pages, figures and logs show.
struct Release(String);

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-/:~".contains(&byte));
        if plain && text.len() <= MAX_RELEASE && !text.contains("//") {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("is no name of a release: up to {MAX_RELEASE} letters, digits and . _ + - / : ~"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn a_release_is_named_as_a_tag_or_a_version_is() {
        for good in ["0.1.0", "4e7d2a1", "v1.2.3-4-gabcdef0+dirty", "feature/x", "sha256:4e7d2a1"] {
            assert!(good.parse::<Release>().is_ok(), "{good:?} was refused");
        }
        for bad in ["two words", "https://u:hunter2@h", "//h", "<b>", "a\nb", &"a".repeat(129)] {
            let refused = bad.parse::<Release>().err().expect(bad);
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
