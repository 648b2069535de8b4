//! The stock aws CLI: how it is found, called and understood. Every call is shown as one would type it.

use std::{
    collections::HashSet,
    env,
    io::ErrorKind,
    process::Stdio,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::say;

const INSTALLING: &str = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html";

/// The aws CLI, with the region and account that it talks to.
pub(crate) struct Aws {
    /// Major version of the CLI: 1 or 2.
    pub(crate) major: u32,
    /// Such as `eu-west-1`.
    pub(crate) region: String,
    /// The account's number.
    pub(crate) account: String,
    /// Where a local AWS listens in place of AWS: `AWS_ENDPOINT_URL`.
    pub(crate) local: Option<String>,
    silently: bool,
    shown: Mutex<HashSet<Vec<String>>>,
}

/// What AWS, or the CLI on the way to it, said no to.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub(crate) struct Refused {
    /// AWS's code for it, such as `ImageNotFoundException`; empty where the CLI did not get so far.
    pub(crate) code: String,
    said: String,
}

impl Aws {
    /// Finds the CLI, the region and the account, and says what is missing.
    ///
    /// `silently`, no command is shown: for answers that a script reads.
    pub(crate) async fn find(silently: bool) -> Result<Self> {
        let version = match Command::new("aws").arg("--version").output().await {
            // Version 1 of old wrote it to standard error.
            Ok(output) => String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!(
                    "the aws CLI is not installed: install version 2 ({INSTALLING}), or version 1 with `make aws-cli`"
                )
            }
            Err(error) => return Err(error).context("the aws CLI cannot be started"),
        };
        let major = version
            .strip_prefix("aws-cli/")
            .and_then(|rest| rest.split('.').next()?.parse().ok())
            .with_context(|| format!("`aws --version` names no version of the aws CLI: {}", version.trim()))?;
        let local = env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
        let mut aws =
            Self { major, region: region().await?, account: String::new(), local, silently, shown: Mutex::default() };
        aws.account = aws.identify().await?;
        Ok(aws)
    }

    /// Asks who this is: the first call, so what keeps all calls from working is told here, once, and in full.
    async fn identify(&self) -> Result<String> {
        let identity = self.call(&["sts", "get-caller-identity"]).await.map_err(|refused| {
            let said = refused.to_string();
            let remedy = if said.contains("Could not connect") || said.contains("Invalid endpoint") {
                match &self.local {
                    Some(endpoint) => format!(
                        "no local AWS answers at AWS_ENDPOINT_URL={endpoint}: start it with `make local-aws`, or unset \
                         the variable to reach AWS itself"
                    ),
                    None => format!(
                        "AWS does not answer for the region {}: is that its name (AWS_REGION, or `aws configure set \
                         region …`)? Else there is no way to the internet",
                        self.region
                    ),
                }
            } else if said.contains("credentials") || said.contains("profile") {
                "there are no credentials for AWS: `aws configure`, `aws sso login`, or AWS_PROFILE=… give them; \
                 without an account, `make local-aws` runs a local AWS"
                    .to_owned()
            } else {
                "AWS does not accept the credentials: they are wrong or have expired (`aws sso login`, or new keys), or \
                 are those of another partition than the region's"
                    .to_owned()
            };
            anyhow!("{remedy}. The CLI says: {}", said.trim())
        })?;
        Ok(text(&identity, "/Account").to_owned())
    }

    /// Calls the CLI with `arguments`, and shows the command the first time.
    pub(crate) async fn call(&self, arguments: &[&str]) -> Result<Value, Refused> {
        self.show(arguments);
        let output = Command::new("aws")
            .args(arguments)
            // Whatever a person has configured for the terminal.
            .env("AWS_DEFAULT_OUTPUT", "json")
            .env("AWS_PAGER", "")
            // Version 1 reads the second only.
            .env("AWS_REGION", &self.region)
            .env("AWS_DEFAULT_REGION", &self.region)
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| Refused {
                code: String::new(),
                said: format!("the aws CLI cannot be started: {error}"),
            })?;
        if output.status.success() {
            // Some commands answer with text, some with nothing.
            let said = String::from_utf8_lossy(&output.stdout);
            return Ok(serde_json::from_str(&said).unwrap_or_else(|_| said.trim().into()));
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        let code = said.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
        Err(Refused { code: code.map_or(String::new(), |(code, _)| code.to_owned()), said })
    }

    /// As [`call`](Self::call), where one of `codes` means that there is no such thing.
    pub(crate) async fn find_one(&self, arguments: &[&str], codes: &[&str]) -> Result<Option<Value>> {
        match self.call(arguments).await {
            Ok(answer) => Ok(Some(answer)),
            Err(refused) if codes.contains(&refused.code.as_str()) => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Fails unless the CLI is of version 2.
    pub(crate) fn require_version_2(&self, what: &str) -> Result<()> {
        if self.major < 2 {
            bail!(
                "{what} is in version 2 of the aws CLI only, and this is version {}: install it ({INSTALLING})",
                self.major
            );
        }
        Ok(())
    }

    fn show(&self, arguments: &[&str]) {
        let words: Vec<String> = ["aws"].iter().chain(arguments).map(ToString::to_string).collect();
        // What is asked again and again, to see how far something is, is shown once.
        if !self.silently && self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(words.clone()) {
            say::command(&words);
        }
    }
}

async fn region() -> Result<String> {
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Ok(region) = env::var(variable)
            && !region.is_empty()
        {
            return Ok(region);
        }
    }
    let configured = Command::new("aws").args(["configure", "get", "region"]).output().await?;
    let region = String::from_utf8_lossy(&configured.stdout).trim().to_owned();
    if region.is_empty() {
        bail!("no region is set: AWS_REGION=eu-west-1, or `aws configure set region eu-west-1`, chooses one");
    }
    Ok(region)
}

/// The string at `pointer`, or nothing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at `pointer`, or 0.
pub(crate) fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The items of the list at `pointer`, or none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
