//! A local AWS in place of AWS (`make local-aws`): what it has to be asked for in another way, or in another place.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use crate::{
    aws::{Aws, text},
    definition::{self, Values},
    say, services,
    stack::{self, STACKS},
};

/// How long the container of the database may take to be ready.
const PATIENCE: Duration = Duration::from_mins(2);

/// The login of the database's administrator, as in `stacks/database.yaml`.
const ADMINISTRATOR: &str = "admin";

/// What the outputs of the stacks have to say otherwise: names under `amazonaws.com` lead nowhere here.
pub(crate) fn correct(aws: &Aws, cluster: &str, values: &mut Values) {
    let Some(endpoint) = &aws.local else { return };
    let port = endpoint.rsplit(':').next().unwrap_or("4566").trim_end_matches('/');
    // Docker asks for no TLS of a registry on localhost.
    values.insert("Registry".into(), format!("localhost:{port}/{cluster}"));
    for service in services::names() {
        let url = format!("{}/_alb/{cluster}-{service}", endpoint.trim_end_matches('/'));
        values.insert(format!("{}BalancerUrl", services::prefix(service)), url);
    }
}

/// Parameters of the stacks that are other than on AWS.
pub(crate) fn parameters(aws: &Aws, cluster: &str, parameters: &mut Values) {
    if aws.local.is_some() {
        // There is no Service Connect: the user service goes by way of the location service's balancer.
        parameters.entry("LocationUrl".into()).or_insert_with(|| format!("http://{cluster}-location.alb.localhost"));
    }
}

/// Makes the database by the RDS API, unless it is there; the values that the stack would give as outputs.
pub(crate) async fn database(aws: &Aws, cluster: &str) -> Result<Values> {
    let name = format!("{cluster}-database");
    say::step(format_args!("database {name}, by the RDS API"));
    if find_database(aws, &name).await?.is_none() {
        let password = administrator(aws, cluster).await?;
        let template = stack::template("deploy/stacks/database.yaml")?;
        let instance = json!({
            "DBInstanceIdentifier": name,
            "Engine": "mysql",
            "EngineVersion": text(&template, "/Resources/Database/Properties/EngineVersion"),
            "DBInstanceClass": text(&template, "/Parameters/InstanceClass/Default"),
            "AllocatedStorage": 20,
            "MasterUsername": ADMINISTRATOR,
            "MasterUserPassword": password,
        });
        let input = Secret::write("database", &instance)?;
        aws.call(&["rds", "create-db-instance", "--cli-input-json", &input.argument()]).await?;
    }
    await_available(aws, &name).await?;
    let values = database_values(aws, cluster).await?;
    let host =
        values.get("DatabaseHost").with_context(|| format!("the database {name} is available and has no address"))?;
    say::done(format_args!("{name} is available at {host}"));
    Ok(values)
}

/// Waits until the database takes its administrator's login. (`aws rds wait` asks every 30 seconds, for half an hour.)
async fn await_available(aws: &Aws, name: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let database = find_database(aws, name).await?.with_context(|| format!("the database {name} is gone"))?;
        let status = text(&database, "/DBInstanceStatus");
        if status == "available" {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the database {name} is {status} for {} s: `docker logs ecs-playground-aws` says more. Were its data left behind \
             by another one of this name, with another password, then `make local-aws-down` removes them",
            PATIENCE.as_secs()
        );
        sleep(Duration::from_secs(1)).await;
    }
}

/// The administrator's password, from Secrets Manager, where it is put when there is none. (RDS does this by itself when it
/// is asked to manage the password; the local one does not.)
async fn administrator(aws: &Aws, cluster: &str) -> Result<String> {
    let name = secret_name(cluster);
    let arguments = ["secretsmanager", "get-secret-value", "--secret-id", &name];
    if let Some(secret) = aws.find_one(&arguments, &["ResourceNotFoundException"]).await? {
        let login: Value =
            serde_json::from_str(text(&secret, "/SecretString")).context("the administrator's secret")?;
        return Ok(text(&login, "/password").to_owned());
    }
    let arguments = ["secretsmanager", "get-random-password", "--password-length", "32", "--exclude-punctuation"];
    let password = text(&aws.call(&arguments).await?, "/RandomPassword").to_owned();
    let login = json!({"username": ADMINISTRATOR, "password": password}).to_string();
    let input = Secret::write("database-secret", &json!({"Name": name, "SecretString": login}))?;
    aws.call(&["secretsmanager", "create-secret", "--cli-input-json", &input.argument()]).await?;
    Ok(password)
}

/// The same values, of a database that may be there; none if it is not.
pub(crate) async fn database_values(aws: &Aws, cluster: &str) -> Result<Values> {
    let mut values = Values::new();
    if let Some(database) = find_database(aws, &format!("{cluster}-database")).await? {
        values.insert("DatabaseHost".into(), text(&database, "/Endpoint/Address").into());
        let name = secret_name(cluster);
        let arguments = ["secretsmanager", "describe-secret", "--secret-id", &name];
        if let Some(secret) = aws.find_one(&arguments, &["ResourceNotFoundException"]).await? {
            values.insert("DatabaseAdminSecretArn".into(), text(&secret, "/ARN").into());
        }
    }
    Ok(values)
}

/// Removes the database and its data.
pub(crate) async fn delete_database(aws: &Aws, cluster: &str) -> Result<()> {
    let name = format!("{cluster}-database");
    if find_database(aws, &name).await?.is_some() {
        say::step(format_args!("remove the database {name}"));
        aws.call(&["rds", "delete-db-instance", "--db-instance-identifier", &name, "--skip-final-snapshot"]).await?;
        say::done(format_args!("{name} is gone"));
        remove_data(&name).await?;
    }
    let secret = secret_name(cluster);
    let arguments = ["secretsmanager", "delete-secret", "--secret-id", &secret, "--force-delete-without-recovery"];
    aws.find_one(&arguments, &["ResourceNotFoundException"]).await?;
    Ok(())
}

fn secret_name(cluster: &str) -> String {
    format!("{cluster}/database/administrator")
}

/// Input for the CLI that nobody else may read, and that is gone when it was read: on the command line it would be in the
/// list of processes, and here on the terminal.
struct Secret(PathBuf);

impl Secret {
    fn write(name: &str, input: &Value) -> Result<Self> {
        let path = Path::new(definition::RENDERED).join(format!("{name}.json"));
        fs::create_dir_all(definition::RENDERED)?;
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let secret = Self(path);
        file.and_then(|mut file| file.write_all(input.to_string().as_bytes()))
            .with_context(|| format!("{} cannot be written", secret.0.display()))?;
        Ok(secret)
    }

    fn argument(&self) -> String {
        format!("file://{}", self.0.display())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What the local AWS knows of a service: it takes the rest, and forgets it.
pub(crate) fn known(aws: &Aws, mut service: Value) -> Value {
    if let (Some(_), Some(fields)) = (&aws.local, service.as_object_mut()) {
        fields.remove("placementStrategy");
    }
    service
}

/// Removes the volume that a database leaves behind: the next one of its name would find in it another password than its
/// own.
async fn remove_data(database: &str) -> Result<()> {
    let filter = format!("name=-instance-{database}-data");
    let volumes = Command::new("docker").args(["volume", "ls", "--quiet", "--filter", &filter]).output().await?;
    for volume in String::from_utf8_lossy(&volumes.stdout).lines() {
        let removed = Command::new("docker").args(["volume", "rm", volume]).output().await?;
        ensure!(
            removed.status.success(),
            "the volume {volume} of the database is not gone: {}",
            String::from_utf8_lossy(&removed.stderr).trim()
        );
    }
    Ok(())
}

/// Says what a deployment on a local AWS leaves out.
pub(crate) fn tell_what_is_left_out(aws: &Aws) {
    if aws.local.is_some() {
        for (subject, lacking) in STACKS.iter().filter_map(|stack| Some((stack.subject, stack.not_local?))) {
            say::warn(format_args!(
                "not executed locally: deploy/stacks/{subject}.yaml. The local AWS lacks {lacking}"
            ));
        }
    }
}

async fn find_database(aws: &Aws, name: &str) -> Result<Option<Value>> {
    let found = aws
        .find_one(
            &["rds", "describe-db-instances", "--db-instance-identifier", name],
            &["DBInstanceNotFound", "DBInstanceNotFoundFault"],
        )
        .await?;
    found.map(|answer| answer.pointer("/DBInstances/0").cloned().context("RDS answered without a database")).transpose()
}
