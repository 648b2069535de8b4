//! Reading the command line, and what is said about one that is wrong: by the variable and the target of `make` that were
//! typed, rather than by option and subcommand.

use std::{collections::BTreeMap, env, error::Error as _, process::exit};

use clap::{
    Arg, Command, CommandFactory as _, Error, FromArgMatches as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{arguments::Cli, make, say};

/// Exit code of a command line that is wrong.
const USAGE: i32 = 2;

/// Subcommands whose target has another name.
const TARGETS: [(&str, &str); 3] = [("up", "deploy"), ("stacks", "deploy-stacks"), ("service", "deploy-location")];

/// A value for each variable that some target needs, for examples.
const EXAMPLES: [(&str, &str); 2] = [("SERVICE", "location"), ("COMMAND", "seed")];

/// The command line of this process. Ends the process where it is wrong, or asks for help.
pub(crate) fn parse() -> Cli {
    let command = without_empty(Cli::command());
    let help = variables(&command);
    let command = command.after_help(help);
    let wanted = env::args().skip(1).find_map(|word| command.find_subcommand(word)).cloned();
    if let Some(told) = wanted.as_ref().and_then(|wanted| unread(&command, wanted, &overrides())) {
        refuse(&told);
    }
    let parsed = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.unwrap_or_else(|error| match wanted.and_then(|wanted| told(&wanted, &error)) {
        Some(told) => refuse(&told),
        None => error.exit(),
    })
}

fn refuse(told: &str) -> ! {
    say::failed(told);
    exit(USAGE)
}

/// The command that reads no variable that is empty: empty is unset.
fn without_empty(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let empty = arg.get_env().and_then(env::var_os).is_some_and(|value| value.is_empty());
        if empty { arg.env(None::<&str>) } else { arg }
    });
    command.mut_subcommands(without_empty)
}

fn target(subcommand: &str) -> &str {
    TARGETS.iter().find(|(name, _)| *name == subcommand).map_or(subcommand, |(_, target)| target)
}

/// The name of the variable that `arg` is read from.
fn variable(arg: &Arg) -> Option<String> {
    Some(arg.get_env()?.to_string_lossy().into_owned())
}

/// All variables, each with its meaning and the targets that read it.
fn variables(command: &Command) -> String {
    let mut found = BTreeMap::<String, (String, Vec<&str>)>::new();
    for (reader, arg) in command.get_arguments().map(|arg| ("all", arg)).chain(
        command.get_subcommands().flat_map(|sub| sub.get_arguments().map(move |arg| (target(sub.get_name()), arg))),
    ) {
        if let Some(name) = variable(arg) {
            let meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
            found.entry(name).or_insert_with(|| (meaning, Vec::new())).1.push(reader);
        }
    }
    let lines =
        found.iter().map(|(name, (meaning, readers))| format!("  {name:11} {meaning} ({})", readers.join(", ")));
    format!("Variables of `make`, with the targets that read them:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Variables that were given to `make` on its command line, by their names.
fn overrides() -> BTreeMap<String, String> {
    let flags = env::var("MAKEFLAGS").unwrap_or_default();
    let words = shell_words::split(&flags).unwrap_or_default();
    let given = words.iter().skip_while(|word| *word != "--").filter_map(|word| word.split_once('='));
    // A dollar is doubled there.
    given
        .map(|(name, value)| (name.to_owned(), value.replace("$$", "$")))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// What is wrong where `make` was given a variable that `wanted` does not read, as `SERVICE=location` for `make destroy`:
/// to ignore it could change more than was meant.
fn unread(command: &Command, wanted: &Command, given: &BTreeMap<String, String>) -> Option<String> {
    let names = |command: &Command| command.get_arguments().filter_map(variable).collect::<Vec<_>>();
    let read = [names(command), names(wanted)].concat();
    let all: Vec<_> = command.get_subcommands().flat_map(names).collect();
    let target = target(wanted.get_name());
    let listed = read.join(", ");
    if let Some(name) = given.keys().find(|name| all.contains(name) && !read.contains(name)) {
        return Some(format!(
            "`make {target}` does not read {name}, and nothing was done: leave {name} out. It reads {listed}"
        ));
    }
    // `make deploy-location` sets SERVICE itself.
    let other =
        given.iter().find(|(name, value)| read.contains(name) && env::var(name).is_ok_and(|used| used != **value));
    other.map(|(name, value)| {
        let used = env::var(name).unwrap_or_default();
        format!(
            "{name}={value} contradicts the target, which is for {name}={used}, and nothing was done: leave {name} out"
        )
    })
}

/// `error` in terms of variables; none where it is not about one.
fn told(wanted: &Command, error: &Error) -> Option<String> {
    let words = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => vec![word.clone()],
        Some(ContextValue::Strings(words)) => words.clone(),
        _ => Vec::new(),
    };
    // An argument is shown as `--load <LOAD>`.
    let names: Vec<_> = words(ContextKind::InvalidArg)
        .iter()
        .filter_map(|shown| Some(shown.split_once('<')?.1.split_once('>')?.0.to_owned()))
        .collect();
    let name = names.first()?;
    let value = words(ContextKind::InvalidValue).concat();
    match error.kind() {
        ErrorKind::MissingRequiredArgument => {
            let are = if names.len() == 1 { "is" } else { "are" };
            Some(format!("{} {are} not set: `{}`, for example", names.join(" and "), example(wanted)))
        }
        ErrorKind::InvalidValue => {
            Some(format!("{name}={value} is none of {}", words(ContextKind::ValidValue).join(", ")))
        }
        ErrorKind::ValueValidation => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            Some(format!("{name}={value}: {why}"))
        }
        _ => None,
    }
}

/// The target with all that it needs: what is set as it is set, the rest by example.
fn example(wanted: &Command) -> String {
    // A variable that is empty is no longer known as such; the argument has its name.
    let needed =
        wanted.get_arguments().filter(|arg| arg.is_required_set()).map(|arg| arg.get_id().as_str().to_uppercase());
    let values: Vec<_> = needed
        .filter_map(|name| {
            let example = EXAMPLES.iter().find(|(known, _)| *known == name)?.1;
            let value = env::var(&name).ok().filter(|value| !value.is_empty());
            Some((name, value.unwrap_or_else(|| example.to_owned())))
        })
        .collect();
    let values: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    make::command(target(wanted.get_name()), &values)
}
