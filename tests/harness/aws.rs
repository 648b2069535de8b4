//! The deployment tool, and something that answers it in place of AWS: moto, which knows the APIs and runs nothing.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    process::{Command, Stdio},
};

use playground::{
    folders, ports,
    process::{self, Process},
};
use serde_json::Value;

use crate::{PATIENCE, eventually, not_run};

/// The environment of a call, and nothing else of this process's: a developer may have a real account in it.
#[derive(Clone)]
pub struct Caller(BTreeMap<String, String>);

/// How a program ended, and what it said.
pub struct Outcome {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Both of its outputs.
    pub said: String,
}

impl Outcome {
    /// Fails the test unless the program failed and said all of `parts`.
    pub fn expect_refusal(&self, parts: &[&str]) {
        assert!(!self.success, "{}", self.said);
        self.expect_words(parts);
    }

    /// Fails the test unless the program succeeded and said all of `parts`.
    pub fn expect_success(&self, parts: &[&str]) {
        assert!(self.success, "{}", self.said);
        self.expect_words(parts);
    }

    fn expect_words(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.said.contains(part), "{part:?} is not in: {}", self.said);
        }
    }
}

impl Caller {
    /// Of the aws CLI that `make test` installed, with made-up credentials and an endpoint where nobody listens; none,
    /// with a note, where there is no CLI.
    pub fn new() -> Option<Self> {
        if let Ok(why) = env::var("TEST_NO_AWS_CLI") {
            not_run(&format!("it takes the aws CLI: {why}"));
            return None;
        }
        let tools = folders::workspace().join("target/tools/bin");
        let path = format!("{}:{}", tools.display(), env::var("PATH").unwrap_or_default());
        let caller = Self(BTreeMap::new()).with("PATH", &path).with("HOME", "/nonexistent");
        Some(
            caller
                .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
                .with("AWS_REGION", "eu-west-1")
                // Version 1 of the CLI reads this one only.
                .with("AWS_DEFAULT_REGION", "eu-west-1")
                .with("AWS_ACCESS_KEY_ID", "test")
                .with("AWS_SECRET_ACCESS_KEY", "test")
                // What does not answer is not asked four times over.
                .with("AWS_MAX_ATTEMPTS", "1")
                // No credentials are looked for in the network.
                .with("AWS_EC2_METADATA_DISABLED", "true"),
        )
    }

    /// The same, with the variable `name`.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The same, without the variable `name`.
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// Runs the deployment tool.
    pub async fn deploy(&self, arguments: &[&str]) -> Outcome {
        self.run(&folders::binaries().unwrap().join("deploy").to_string_lossy(), arguments).await
    }

    /// Runs `script` with bash.
    pub async fn bash(&self, script: &str) -> Outcome {
        self.run("bash", &["-c", script]).await
    }

    /// Runs the aws CLI.
    pub async fn aws(&self, arguments: &[&str]) -> Outcome {
        self.run("aws", arguments).await
    }

    /// Runs the aws CLI, which has to succeed, and gives its answer.
    pub async fn ask(&self, arguments: &[&str]) -> Value {
        let outcome = self.aws(arguments).await;
        assert!(outcome.success, "aws {arguments:?}: {}", outcome.said);
        serde_json::from_str(&outcome.said).unwrap_or_default()
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Outcome {
        // Looked for in the caller's PATH, which is not this process's.
        let mut command = Command::new("env");
        command.env_clear().envs(&self.0).arg(program).args(arguments).current_dir(folders::workspace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::start(program, command, PATIENCE).unwrap();
        let success = process.wait().await.unwrap().success();
        Outcome { success, said: process.log().tail(usize::MAX) }
    }
}

/// A moto of the test's own.
pub struct Moto {
    _process: Process,
    port: u16,
    /// What asks it in place of AWS.
    pub caller: Caller,
}

impl Moto {
    /// Starts it; none, with a note, where it is not to be had.
    pub async fn start() -> Option<Self> {
        let caller = Caller::new()?;
        let port = ports::free().unwrap();
        let mut command = Command::new(folders::workspace().join("target/tools/bin/moto_server"));
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        let log = folders::playground().unwrap().join(format!("moto-{port}.log"));
        process::to_file(&mut command, &File::create(log).unwrap()).unwrap();
        let process = Process::start("moto", command, PATIENCE).unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        eventually("moto answers", async || playground::http::get(&format!("{endpoint}/moto-api/")).await.is_ok())
            .await;
        Some(Self { _process: process, port, caller: caller.with("AWS_ENDPOINT_URL", &endpoint) })
    }

    /// The same for the tool, which takes it for AWS: the endpoint is in the CLI's own settings, where it does not look.
    pub fn as_aws(&self) -> Caller {
        let settings = folders::playground().unwrap().join(format!("aws-config-{}", self.port));
        fs::write(&settings, format!("[default]\nendpoint_url = {}\n", self.caller.0["AWS_ENDPOINT_URL"])).unwrap();
        self.caller.clone().without("AWS_ENDPOINT_URL").with("AWS_CONFIG_FILE", &settings.to_string_lossy())
    }

    /// Makes the stack `app01-SUBJECT` of its own template.
    pub async fn real_stack(&self, subject: &str) {
        let name = format!("app01-{subject}");
        let body = format!("file://{}/deploy/stacks/{subject}.yaml", folders::workspace().display());
        let arguments = ["cloudformation", "create-stack", "--stack-name", &name, "--template-body", &body];
        self.caller.ask(&[&arguments[..], &["--capabilities", "CAPABILITY_NAMED_IAM"]].concat()).await;
    }

    /// Makes a stack of the name `app01-SUBJECT` with `outputs`, as if it had been deployed: moto cannot make what is in the
    /// real ones.
    pub async fn stack(&self, subject: &str, outputs: &[(&str, &str)]) {
        let outputs: serde_json::Map<_, _> =
            outputs.iter().map(|(name, value)| ((*name).to_owned(), serde_json::json!({"Value": value}))).collect();
        let template = serde_json::json!({
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": outputs,
        });
        let name = format!("app01-{subject}");
        let arguments =
            ["cloudformation", "create-stack", "--stack-name", &name, "--template-body", &template.to_string()];
        self.caller.ask(&arguments).await;
    }
}
