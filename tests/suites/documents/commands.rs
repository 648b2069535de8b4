//! Every command of `make` that a document or a message names exists, with its variables, and can be pasted.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    process::{Command, Stdio},
};

use harness::docker::finish;
use playground::folders;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::{files, read};

/// The shell blocks of a document, each with its first line.
pub(super) fn blocks(document: &str) -> Vec<String> {
    let (mut blocks, mut block) = (Vec::new(), None);
    for event in Parser::new_ext(document, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info)))
                if info.starts_with("console") || info.starts_with("sh") =>
            {
                block = Some(String::new());
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(block.take()),
            Event::Text(text) => block.iter_mut().for_each(|block| block.push_str(&text)),
            _ => {}
        }
    }
    blocks
}

/// Commands in the running text of a document.
pub(super) fn spans(document: &str) -> Vec<String> {
    let spans = Parser::new_ext(document, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Code(code) => Some(code.to_string()),
        _ => None,
    });
    spans.collect()
}

/// Commands of `make` that are named, each with the file that names it.
fn named() -> Vec<(String, String)> {
    let mut named = Vec::new();
    for document in files(".md") {
        let text = read(&document);
        let lines: Vec<_> = blocks(&text).iter().flat_map(|block| block.lines()).map(str::to_owned).collect();
        named.extend(lines.into_iter().chain(spans(&text)).map(|command| (document.clone(), command)));
    }
    let sources =
        [files(".rs"), files(".sh"), files("Makefile"), files(".yaml"), files(".env.example"), files(".ci/run")];
    for file in sources.concat() {
        // Between backquotes, which a script escapes where they are in double quotes.
        let text = read(&file).replace("\\`", "`");
        let quoted =
            text.lines().flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
        named.extend(quoted.map(|command| (file.clone(), command)));
    }
    named.retain(|(_, command)| command.trim_start().starts_with("make "));
    named
}

/// The names of the targets.
fn targets() -> BTreeSet<String> {
    let makefile = read("Makefile");
    let rules = makefile.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    rules
        .filter_map(|line| line.split_once(':'))
        .flat_map(|(names, _)| names.split_whitespace())
        .map(str::to_owned)
        .collect()
}

/// The names of the variables that the Makefile takes; one that ends in `%` stands for all that begin so.
fn variables() -> Vec<String> {
    let makefile = read("Makefile").replace("\\\n", " ");
    let line = makefile.lines().find_map(|line| line.strip_prefix("VARIABLES = ")).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

fn is_known(variables: &[String], name: &str) -> bool {
    variables.iter().any(|known| match known.strip_suffix('%') {
        Some(beginning) => name.starts_with(beginning),
        None => known == name,
    })
}

/// The variables that each target of the deployment reads, by what `make help-deploy` prints.
async fn read_by_deployment() -> BTreeMap<String, BTreeSet<String>> {
    let mut help = Command::new(folders::binaries().unwrap().join("deploy"));
    help.arg("help");
    let (_, help) = finish("deploy help", help).await;
    let mut readers = BTreeMap::<String, BTreeSet<String>>::new();
    for line in help.lines().skip_while(|line| !line.starts_with("Variables of")).skip(1) {
        let Some((variable, targets)) = line.trim().split_once(' ').zip(line.rsplit_once('(')).map(|(a, b)| (a.0, b.1))
        else {
            continue;
        };
        for target in targets.trim_end_matches(')').split(", ") {
            readers.entry(target.to_owned()).or_default().insert(variable.to_owned());
        }
    }
    assert!(readers.len() > 8, "{help}");
    readers
}

#[tokio::test]
async fn every_command_of_make_that_is_named_exists_with_its_variables() {
    let (targets, variables, readers) = (targets(), variables(), read_by_deployment().await);
    let (named, mut wrong) = (named(), Vec::new());
    assert!(named.len() > 150, "only {} were found", named.len());
    for (file, command) in &named {
        let command = command.split(" # ").next().unwrap().split(['|', ';', '&']).next().unwrap();
        let words = shell_words::split(command).unwrap_or_default();
        let mut target = None;
        for word in words.iter().skip(1).filter(|word| !word.starts_with('-')) {
            match word.split_once('=') {
                Some((name, value)) => {
                    let of_target = target.and_then(|target: &String| readers.get(target));
                    let is_read = of_target.is_none_or(|read| read.contains(name) || readers["all"].contains(name));
                    if !is_known(&variables, name) || !is_read || value.contains('…') {
                        wrong.push(format!("{file}: `{command}`: {name}"));
                    }
                }
                // In a format string, the name of a target may be filled in.
                None if targets.contains(word) || word.contains('{') => target = Some(word),
                None => wrong.push(format!("{file}: `{command}`: there is no target {word}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_variables_that_the_makefile_lists_for_the_deployment_are_those_that_it_describes() {
    let makefile = read("Makefile").replace("\n# ", " ");
    let (_, listed) = makefile.split_once("`make help-deploy`: ").unwrap();
    let listed: BTreeSet<_> = listed.split_once('.').unwrap().0.split(", ").map(str::to_owned).collect();
    let described: BTreeSet<_> = read_by_deployment().await.into_values().flatten().collect();
    assert_eq!(listed, described);
}

#[test]
fn the_makefile_takes_every_variable_that_a_script_or_a_setting_reads_and_refuses_others() {
    let variables = variables();
    let made_here = ["LOCATION_IMAGE", "USER_IMAGE", "LOCATION_TASKS", "USER_TASKS", "HAPROXY_CONFIG"];
    let mut read_somewhere = BTreeSet::new();
    // Those of stand-ins and builds run within an image.
    let scripts = files(".sh")
        .into_iter()
        .filter(|script| !["docker/stand-ins/", "docker/build/"].iter().any(|folder| script.starts_with(folder)));
    for script in scripts {
        for piece in read(&script).split("${").skip(1) {
            let (name, rest) = piece.split_at(
                piece.find(|letter: char| !(letter.is_ascii_uppercase() || "_0123456789".contains(letter))).unwrap(),
            );
            if name.len() > 1 && rest.starts_with([':', '-', '=']) {
                read_somewhere.insert(name.to_owned());
            }
        }
    }
    let settings = read(".env.example");
    read_somewhere
        .extend(settings.lines().filter_map(|line| Some(line.trim_start_matches('#').split_once('=')?.0.to_owned())));
    read_somewhere.retain(|name| !made_here.contains(&name.as_str()) && !name.contains(' '));
    assert!(read_somewhere.len() > 40, "{read_somewhere:?}");
    let missing: Vec<_> = read_somewhere.iter().filter(|name| !is_known(&variables, name)).collect();
    assert!(missing.is_empty(), "the Makefile's VARIABLES lacks {missing:?}");
}

#[test]
fn every_shell_block_is_one_that_a_shell_reads() {
    let mut count = 0;
    for document in files(".md") {
        for block in blocks(&read(&document)) {
            assert!(!block.contains('…'), "{document}: a placeholder that cannot be pasted: {block}");
            let mut bash = Command::new("bash");
            let mut bash = bash.arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            bash.stdin.take().unwrap().write_all(block.as_bytes()).unwrap();
            let output = bash.wait_with_output().unwrap();
            assert!(output.status.success(), "{document}: {block}\n{}", String::from_utf8_lossy(&output.stderr));
            count += 1;
        }
    }
    assert!(count > 50, "only {count} blocks were found");
}
