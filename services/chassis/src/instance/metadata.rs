//! What ECS tells a task of itself: the task metadata endpoint, version 4
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html>).

use std::{str::FromStr, time::Duration};

use reqwest::{Client, Url};
use serde::Deserialize;
use tokio::time::sleep;

use super::Instance;
use crate::{
    errors::chain,
    settings::{Form, base_url},
};

/// How long the agent on the instance may take over an answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How often it is asked before the task does without: the agent may be busy while it starts many.
const ATTEMPTS: u32 = 5;

/// How long to wait before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where ECS tells a task of itself; ECS sets it.
#[derive(Clone, Debug)]
pub(crate) struct MetadataUri(Url);

impl FromStr for MetadataUri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = Form { schemes: &["http"], path: true, example: "http://host/path" };
        base_url(text, form).map(Self).map_err(|problem| format!("{problem}; ECS sets it, so leave it out elsewhere"))
    }
}

/// Where ECS runs a task.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Placement {
    /// Such as `eu-west-1a`; ECS does not always know it.
    pub availability_zone: Option<String>,
    /// The task definition's name.
    pub family: String,
    /// The task definition's number.
    pub revision: String,
    /// The task's ARN.
    #[serde(rename = "TaskARN")]
    pub task_arn: String,
}

impl Placement {
    /// The last part of the ARN, by which consoles and logs call the task.
    #[must_use]
    pub fn task_id(&self) -> &str {
        self.task_arn.rsplit('/').next().unwrap_or_default()
    }
}

impl MetadataUri {
    /// Asks ECS, and lets `instance` know. Where ECS does not answer, the log says so, and the service runs as well.
    pub(crate) async fn tell(self, instance: Instance) {
        for attempt in 1..=ATTEMPTS {
            match self.ask().await {
                Ok(placement) => {
                    tracing::info!(?placement, "placed by ECS");
                    let _ = instance.placement.set(placement);
                    return;
                }
                Err(error) if attempt == ATTEMPTS => {
                    tracing::warn!(error = chain(&error), "ECS does not tell where the task runs");
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn ask(&self) -> Result<Placement, Unplaced> {
        let unreached = |error: reqwest::Error| Unplaced::NoAnswer(error.without_url());
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(unreached)?;
        let url = format!("{}/task", self.0.as_str().trim_end_matches('/'));
        let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(unreached)?;
        let body = answer.bytes().await.map_err(unreached)?;
        serde_json::from_slice(&body).map_err(|_| Unplaced::Other)
    }
}

/// Why it is not known where the task runs.
#[derive(Debug, thiserror::Error)]
enum Unplaced {
    /// No answer, or one that is an error.
    #[error("the metadata endpoint does not answer")]
    NoAnswer(#[source] reqwest::Error),
    /// Nothing of it is repeated: another endpoint of ECS has credentials in its answers.
    #[error("what the metadata endpoint answers is not the description of a task")]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_placed_as_ecs_describes_it() {
        // Cut down from the example in the documentation.
        let described = r#"{
            "Cluster": "arn:aws:ecs:us-west-2:111122223333:cluster/default",
            "TaskARN": "arn:aws:ecs:us-west-2:111122223333:task/default/158d1c8083dd49d6b527399fd6414f5c",
            "Family": "curltest", "Revision": "26", "DesiredStatus": "RUNNING", "AvailabilityZone": "us-west-2d",
            "LaunchType": "EC2", "Containers": [{"Name": "curl"}]
        }"#;
        let placement: Placement = serde_json::from_str(described).expect("valid");
        assert_eq!(placement.availability_zone.as_deref(), Some("us-west-2d"));
        assert_eq!((placement.family.as_str(), placement.revision.as_str()), ("curltest", "26"));
        assert_eq!(placement.task_id(), "158d1c8083dd49d6b527399fd6414f5c");
    }
}
