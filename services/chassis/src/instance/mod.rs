//! Which of many tasks this is: what was deployed, and in which container it runs.

mod metadata;

use std::sync::{Arc, OnceLock};

pub(crate) use metadata::MetadataUri;
pub use metadata::Placement;

use crate::{Service, settings::Reader};

/// One running task of a service, as it names itself on its home page, in `/health`, its figures and its log.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What was deployed: `RELEASE`, which an image sets to the tag it was built under; without it the crate's version.
    /// A rollout is done when this, asked through the balancer, has changed everywhere.
    pub release: String,
    /// The container's host name; on ECS and in Docker the beginning of its id.
    pub container: String,
    /// Known a moment after the start, on ECS.
    placement: Arc<OnceLock<Placement>>,
}

impl Instance {
    /// Reads `RELEASE`.
    pub fn read(service: &Service, reader: &mut Reader) -> Self {
        Self {
            release: reader.or("RELEASE", service.version.to_owned()),
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
