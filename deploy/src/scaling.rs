//! Autoscaling: the number of tasks follows the load.

use anyhow::Result;

use crate::{
    aws::{Aws, list, number, text},
    definition::{self, Values},
    say,
};

/// Where the limits and policies are, one file for each service.
pub(crate) const FOLDER: &str = "deploy/scaling";

/// Sets the limits and policies of both services.
pub(crate) async fn autoscale(aws: &Aws, values: &Values) -> Result<()> {
    for file in definition::files(FOLDER)? {
        let wanted = definition::fill(&file, values)?;
        let target = &wanted["target"];
        let name = text(target, "/ResourceId").replace('/', "-");
        let (least, most) = (number(target, "/MinCapacity"), number(target, "/MaxCapacity"));
        say::step(format_args!("{}: {least} to {most} tasks", text(target, "/ResourceId")));
        let input = definition::write(&format!("{name}-target"), target)?;
        aws.call(&["application-autoscaling", "register-scalable-target", "--cli-input-json", &input]).await?;
        for policy in list(&wanted, "/policies") {
            let input = definition::write(&format!("{name}-{}", text(policy, "/PolicyName")), policy)?;
            aws.call(&["application-autoscaling", "put-scaling-policy", "--cli-input-json", &input]).await?;
        }
        say::done("the number of tasks follows the load from now on; a deployment leaves it alone");
    }
    Ok(())
}

/// Takes the limits away, and the policies with them, where there are some.
pub(crate) async fn remove(aws: &Aws, cluster: &str) -> Result<()> {
    for file in definition::files(FOLDER)? {
        let definition = definition::read(&file)?;
        let resource = text(&definition["target"], "/ResourceId").replace("${Cluster}", cluster);
        let dimension = text(&definition["target"], "/ScalableDimension");
        let command = "application-autoscaling deregister-scalable-target --service-namespace ecs";
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--resource-id", &resource, "--scalable-dimension", dimension]);
        aws.find_one(&arguments, &["ObjectNotFoundException"]).await?;
    }
    Ok(())
}
