//! The stock aws CLI: how it is found, called and understood. Every call is shown as one would type it.

use std::{
    collections::HashSet,
    env,
    io::ErrorKind,
    process::Stdio,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::{hints, say};

/// The first minor version of each major one that reads `AWS_ENDPOINT_URL`.
const LEAST: [(u32, u32); 2] = [(1, 29), (2, 13)];

pub(crate) const INSTALLING: &str = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html";

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
#[error("{}{said}", hint.as_ref().map_or_else(String::new, |hint| format!("{hint}. The CLI says: ")))]
pub(crate) struct Refused {
    /// AWS's code for it, such as `ImageNotFoundException`; empty where the CLI did not get so far.
    pub(crate) code: String,
    said: String,
    /// Cause and remedy, where the CLI's own words do not name them.
    hint: Option<String>,
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
        let (major, minor) = major_and_minor(&version)
            .with_context(|| format!("`aws --version` names no version of the aws CLI: {}", version.trim()))?;
        if let Some((_, least)) = LEAST.iter().find(|(of, least)| *of == major && minor < *least) {
            bail!(
                "the aws CLI is version {major}.{minor}, which ignores AWS_ENDPOINT_URL and would reach AWS in place of a \
                 local one: install {major}.{least} or later ({INSTALLING}), or version 1 of today with `make aws-cli`"
            );
        }
        let local = env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
        let mut aws =
            Self { major, region: region().await?, account: String::new(), local, silently, shown: Mutex::default() };
        // The first call, so this is where credentials, region and network are found to be missing.
        let identity = aws.call(&["sts", "get-caller-identity"]).await?;
        text(&identity, "/Account").clone_into(&mut aws.account);
        Ok(aws)
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
                hint: None,
            })?;
        if output.status.success() {
            // Some commands answer with text, some with nothing.
            let said = String::from_utf8_lossy(&output.stdout);
            return Ok(serde_json::from_str(&said).unwrap_or_else(|_| said.trim().into()));
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        let code = said.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
        let code = code.map_or(String::new(), |(code, _)| code.to_owned());
        let hint = hints::hint(self, arguments, &code, &said);
        Err(Refused { code, said, hint })
    }

    /// As [`call`](Self::call), where one of `codes` means that there is no such thing.
    pub(crate) async fn find_one(&self, arguments: &[&str], codes: &[&str]) -> Result<Option<Value>> {
        match self.call(arguments).await {
            Ok(answer) => Ok(Some(answer)),
            Err(refused) if codes.contains(&refused.code.as_str()) => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(local: Option<&str>) -> Self {
        let (region, account) = ("eu-west-1".to_owned(), String::new());
        Self { major: 2, region, account, local: local.map(str::to_owned), silently: true, shown: Mutex::default() }
    }

    fn show(&self, arguments: &[&str]) {
        let words: Vec<String> = ["aws"].iter().chain(arguments).map(ToString::to_string).collect();
        // What is asked again and again, to see how far something is, is shown once.
        if !self.silently && self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(words.clone()) {
            say::command(&words);
        }
    }
}

/// Of `aws-cli/2.13.1 Python/3.11.6 …`.
fn major_and_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("aws-cli/")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
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
    // Silent where there is none; it says what keeps it from looking, such as a profile that does not exist.
    let said = String::from_utf8_lossy(&configured.stderr).trim().to_owned();
    if !configured.status.success() && !said.is_empty() {
        bail!(
            "the region cannot be read from the configuration of the aws CLI: set AWS_REGION, or AWS_PROFILE to one of the \
             profiles in ~/.aws/config. The CLI says: {said}"
        );
    }
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
