//! A document that executes itself: its shell blocks, in order, as a reader would paste them, each after the sentence that
//! it stands under.
//!
//! A block of the language `sh` is run, in an environment that goes on from block to block. One that says `sh aws-only` is
//! for AWS itself: it is not run, and listed at the end.

use std::{
    fs,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use tokio::process::Command;

use crate::say;

/// Where the environment is kept between two blocks.
const ENVIRONMENT: &str = "target/deploy/tutorial.env";

/// How the heading ends under which the document lists what only AWS can show.
const CANNOT_SHOW: &str = "What the rehearsal cannot show";

/// A shell block.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// The heading that it is under.
    heading: String,
    /// What was said just before it.
    sentence: String,
    /// The line of the document in which it begins.
    line: usize,
    aws_only: bool,
    script: String,
}

/// Runs the blocks of `document`, and fails with the first that fails.
pub(crate) async fn run(document: &Path) -> Result<()> {
    let (blocks, left_out) = read(document)?;
    let started = Instant::now();
    fs::create_dir_all("target/deploy").context("target/deploy cannot be made")?;
    let total = blocks.iter().filter(|block| !block.aws_only).count();
    let mut heading = "";
    for (index, block) in blocks.iter().filter(|block| !block.aws_only).enumerate() {
        if block.heading != heading {
            heading = &block.heading;
            say::line(format_args!("\n━━ {heading}"));
        }
        say::step(format_args!("[{}/{total}] {}", index + 1, block.sentence));
        for line in block.script.lines() {
            say::line(format_args!("    {line}"));
        }
        let begun = Instant::now();
        let status = shell(&block.script, index == 0).await?;
        ensure!(
            status.success(),
            "{}, line {}: the commands under {heading:?} failed ({status}). What runs stays as it is, to be looked at; \
             `make local-aws-down` removes it",
            document.display(),
            block.line
        );
        say::done(format_args!("{:.0} s", begun.elapsed().as_secs_f64()));
    }
    say::step("not executed locally");
    for block in blocks.iter().filter(|block| block.aws_only) {
        say::detail(format_args!("{}: {}", block.heading, block.script.lines().next().unwrap_or_default()));
    }
    for item in &left_out {
        say::detail(item);
    }
    say::line("");
    say::done(format_args!("{total} blocks of {} ran in {:.0} s", document.display(), started.elapsed().as_secs_f64()));
    Ok(())
}

/// Runs `script` in the environment that the one before it left, and in no other: what a block unset, to reach the local
/// AWS alone, stays unset. The first has the environment of this process.
async fn shell(script: &str, first: bool) -> Result<ExitStatus> {
    let before = if first { String::new() } else { format!(". {ENVIRONMENT}\n") };
    let script = format!("set -euo pipefail\n{before}{script}\nexport -p >{ENVIRONMENT}\n");
    let mut bash = Command::new("bash");
    if !first {
        bash.env_clear();
    }
    bash.args(["-c", &script]).stdin(Stdio::null()).status().await.context("bash cannot be run")
}

/// Prints the commands of the blocks that are for AWS only, each on a line.
pub(crate) fn print_aws_only(document: &Path) -> Result<()> {
    for block in read(document)?.0.iter().filter(|block| block.aws_only) {
        block.script.replace("\\\n", " ").lines().for_each(say::line);
    }
    Ok(())
}

fn read(document: &Path) -> Result<(Vec<Block>, Vec<String>)> {
    let text = fs::read_to_string(document).with_context(|| format!("{} cannot be read", document.display()))?;
    let (blocks, left_out) = parse(&text).with_context(|| document.display().to_string())?;
    ensure!(!blocks.is_empty(), "{} has no block of the language sh", document.display());
    Ok((blocks, left_out))
}

/// The blocks of `markdown`, and what only AWS can show, by the document's own list.
fn parse(markdown: &str) -> Result<(Vec<Block>, Vec<String>)> {
    let (mut blocks, mut left_out) = (Vec::new(), Vec::new());
    let (mut heading, mut sentence, mut text) = (String::new(), String::new(), String::new());
    let mut block = None;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { .. } | Tag::Paragraph | Tag::Item) => text.clear(),
            Event::End(TagEnd::Heading(_)) => heading = std::mem::take(&mut text),
            Event::End(TagEnd::Paragraph) => sentence = std::mem::take(&mut text),
            Event::End(TagEnd::Item) if heading.ends_with(CANNOT_SHOW) => {
                left_out.push(std::mem::take(&mut text));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                text.clear();
                let line = markdown[..range.start].lines().count() + 1;
                block = match info.split_whitespace().collect::<Vec<_>>()[..] {
                    ["sh"] => Some((line, false)),
                    ["sh", "aws-only"] => Some((line, true)),
                    ["sh", ..] => bail!("line {line}: `{info}` is neither `sh` nor `sh aws-only`"),
                    _ => None,
                };
            }
            Event::End(TagEnd::CodeBlock) => {
                let script = std::mem::take(&mut text);
                if let Some((line, aws_only)) = block.take() {
                    let (heading, sentence) = (heading.clone(), sentence.clone());
                    blocks.push(Block { heading, sentence, line, aws_only, script });
                }
            }
            Event::Text(more) | Event::Code(more) => text.push_str(&more),
            Event::SoftBreak => text.push(' '),
            _ => {}
        }
    }
    Ok((blocks, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_with_what_was_said_before_them() {
        let markdown = "# T\n\n## One\n\nDo *this*, with `x`:\n\n```sh\na \\\n  b\n```\n\n```text\nno\n```\n\nThat.\n\n```sh aws-only\nc\n```\n\n## 2. What the rehearsal cannot show\n\n- this;\n- `that`.\n";
        let block = |sentence: &str, line, aws_only, script: &str| Block {
            heading: "One".into(),
            sentence: sentence.into(),
            line,
            aws_only,
            script: script.into(),
        };
        let expected = [block("Do this, with x:", 7, false, "a \\\n  b\n"), block("That.", 18, true, "c\n")];
        let (blocks, left_out) = parse(markdown).expect("it is valid");
        assert_eq!(blocks, expected);
        assert_eq!(left_out, ["this;", "that."]);
        let told = parse("```sh later\na\n```\n").expect_err("an unknown word").to_string();
        assert!(told.starts_with("line 1: `sh later`"), "{told}");
    }
}
