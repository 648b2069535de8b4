//! What a deployment would change: asked and compared, nothing sent.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;
use similar::TextDiff;

use crate::{
    aws::{Aws, text},
    definition, local, make, release, rollout, say,
    services::SERVICES,
    stack::STACKS,
    task, whole,
};

/// Compares stacks, images, task definitions and services with the files.
pub(crate) async fn diff(aws: &Aws, cluster: &str, tag: Option<String>) -> Result<()> {
    let tag = release::tag(tag).await?;
    let mut values = whole::values(aws, cluster).await?;
    values.insert("Tag".into(), tag.clone());
    let mut changes = 0;
    say::step("stacks");
    for stack in STACKS.iter().filter(|stack| stack.exists_on(aws)) {
        let (name, file) = (stack.name(cluster), stack.file());
        let wanted = fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
        let arguments = ["cloudformation", "get-template", "--stack-name", &name];
        let there = aws.find_one(&arguments, &["ValidationError"]).await?;
        changes += match there {
            None => tell_new(&format!("the stack {name}")),
            Some(there) => {
                let there =
                    there["TemplateBody"].as_str().map_or_else(|| there["TemplateBody"].to_string(), str::to_owned);
                tell(&name, &there, &wanted)
            }
        };
    }
    if whole::require_cluster(aws, cluster, &values).is_err() {
        say::detail("There is no cluster yet, so everything else would be new as well.");
        return Ok(());
    }
    say::step("images");
    for service in SERVICES {
        let name = service.name;
        if release::is_pushed(aws, &values, name, &tag).await? {
            say::done(format_args!("{name}:{tag} is in the registry"));
        } else {
            changes += tell_new(&format!("the image {name}:{tag}"));
        }
    }
    say::step("task definitions and services");
    for service in SERVICES {
        let name = service.name;
        for family in [format!("{name}-database"), name.to_owned()] {
            let wanted = definition::fill(&format!("deploy/tasks/{family}.json"), &values)?;
            changes += match task::describe(aws, &family).await? {
                None => tell_new(&format!("the task definition {family}")),
                Some(there) => tell_fields(&family, &there, &wanted),
            };
        }
        let wanted = definition::fill(&format!("deploy/services/{name}.json"), &values)?;
        changes += match rollout::service(aws, cluster, name).await? {
            None => tell_new(&format!("the service {name}")),
            Some(there) => {
                let running = text(rollout::primary(&there), "/taskDefinition");
                say::detail(format_args!("the service {name} runs {}", task::short(running)));
                tell_fields(&format!("service {name}"), &there, &rollout::comparable(local::known(aws, wanted)))
            }
        };
    }
    say::line("");
    say::detail(match changes {
        0 => "Nothing would change.".to_owned(),
        changes => {
            format!("{changes} of these would change; `{}` does it.", make::command("deploy", &[("TAG", &tag)]))
        }
    });
    Ok(())
}

fn tell_new(what: &str) -> usize {
    say::difference(&format!("+ {what} would be new"));
    1
}

/// Prints the difference, and counts it.
fn tell(name: &str, there: &str, wanted: &str) -> usize {
    if there.trim_end() == wanted.trim_end() {
        say::done(format_args!("{name}: no change"));
        return 0;
    }
    let difference = TextDiff::from_lines(there, wanted);
    let unified = difference
        .unified_diff()
        .context_radius(2)
        .header(&format!("{name}, as it is"), &format!("{name}, as it would be"))
        .to_string();
    unified.lines().for_each(say::difference);
    1
}

/// The same for the fields that `wanted` has.
fn tell_fields(name: &str, there: &Value, wanted: &Value) -> usize {
    if definition::holds(there, wanted) {
        return tell(name, "", "");
    }
    let there = definition::narrowed(there, wanted);
    tell(name, &format!("{there:#}\n"), &format!("{wanted:#}\n"))
}
