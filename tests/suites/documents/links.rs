//! Links and paths of the documentation lead to something.

use std::{collections::HashSet, path::Path};

use playground::folders;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{files, read};

/// Folders with which a path of this workspace begins.
const FOLDERS: [&str; 7] = ["bench/", "deploy/", "docker/", "docs/", "playground/", "services/", "tests/"];

/// The anchors of a document's headings, in GitHub's form.
fn anchors(document: &str) -> HashSet<String> {
    let (mut anchors, mut heading) = (HashSet::new(), None);
    for event in Parser::new_ext(document, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => drop(anchors.insert(heading.take().unwrap())),
            Event::Text(text) | Event::Code(text) => {
                let letters = text.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
                let letters: String = letters.collect();
                if let Some(heading) = &mut heading {
                    heading.push_str(&letters.to_lowercase().replace(' ', "-"));
                }
            }
            _ => {}
        }
    }
    anchors
}

#[test]
fn every_link_and_every_path_leads_to_something() {
    let mut count = 0;
    for document in files(".md") {
        let text = read(&document);
        let folder = Path::new(&document).parent().unwrap();
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            let (place, anchor) = match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) if !dest_url.contains(':') => {
                    let (path, anchor) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
                    let place = if path.is_empty() { document.clone().into() } else { folder.join(path) };
                    (place, anchor.to_owned())
                }
                Event::Code(code)
                    if FOLDERS.iter().any(|folder| code.starts_with(folder)) && !code.contains(['*', ' ', 'S']) =>
                {
                    (code.as_ref().into(), String::new())
                }
                _ => continue,
            };
            count += 1;
            // The tutorial names what is in deploy/ by its path there.
            let roots = [folders::workspace().to_owned(), folders::workspace().join("deploy")];
            assert!(
                roots.iter().any(|root| root.join(&place).exists()),
                "{document} names {}, which is not there",
                place.display()
            );
            if !anchor.is_empty() {
                // Without what leads out of the document's own folder.
                let file = folders::workspace().join(&place).canonicalize().unwrap();
                let there = anchors(&std::fs::read_to_string(&file).unwrap());
                assert!(there.contains(&anchor), "{document}: {} has no heading #{anchor}: {there:?}", file.display());
            }
        }
    }
    assert!(count > 100, "only {count} links were found");
}
