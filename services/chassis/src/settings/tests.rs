//! What is read from variables and files, and what is refused.

use std::{env, fs};

use super::*;

fn reader(variables: &'static [(&str, &str)]) -> Reader {
    Reader::new(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

#[test]
fn all_faults_are_told_at_once_and_each_names_its_variable() {
    let mut reader = reader(&[("PORT", "eighty"), ("DRAIN_DELAY", "soon")]);
    let _ = reader.required::<String>("DB_HOST", "the host name of the database");
    let _: Port = reader.or("PORT", Port::new(8081));
    let _ = reader.optional::<Period>("DRAIN_DELAY");
    let told = reader.finish().expect_err("three faults").to_string();
    for expected in ["DB_HOST: not set; give it the host name", "PORT: ", "DRAIN_DELAY: "] {
        assert!(told.contains(expected), "{expected:?} is not in {told}");
    }
}

/// What `API_TOKEN` is with those variables, what is wrong with them, and what is said about them.
type Outcome = (Option<String>, Result<(), String>, Vec<Fault>);

fn secret(variables: Vec<(&'static str, &'static str)>) -> Outcome {
    let mut reader = reader(variables.leak());
    let secret = reader.secret("API_TOKEN", "API_TOKEN_FILE").map(|secret| secret.expose_secret().to_owned());
    let outcome = reader.finish().map_err(|invalid| invalid.to_string());
    (secret, outcome, reader.warnings())
}

/// That those variables are a fault of `variable`, and that the fault has the words and not the secret.
#[track_caller]
fn refused(variables: Vec<(&'static str, &'static str)>, variable: &str, words: &str) {
    let (secret, outcome, _) = secret(variables);
    let told = outcome.expect_err(words);
    assert!(told.contains(&format!("\n  {variable}: ")) && told.contains(words), "{told}");
    assert!(secret.is_none() && !told.contains("hunter2"), "{told}");
}

/// A file with that content; it is left to the system to remove.
fn file(name: &str, content: &[u8]) -> &'static str {
    let file = env::temp_dir().join(format!("chassis-{name}-{}", std::process::id()));
    fs::write(&file, content).expect("written");
    file.to_string_lossy().into_owned().leak()
}

#[test]
fn a_secret_comes_from_its_variable_or_from_a_file() {
    let taken = |secret: &str| (Some(secret.to_owned()), Ok(()), Vec::new());
    assert_eq!(secret(vec![]), (None, Ok(()), Vec::new()));
    assert_eq!(secret(vec![("API_TOKEN", "")]), (None, Ok(()), Vec::new()));
    let path = file("secret", b"hunter2\n");
    assert_eq!(secret(vec![("API_TOKEN_FILE", path)]), taken("hunter2"));
    assert_eq!(secret(vec![("API_TOKEN_FILE", path), ("API_TOKEN", "")]), taken("hunter2"));
    refused(vec![("API_TOKEN_FILE", path), ("API_TOKEN", "hunter2")], "API_TOKEN_FILE", "set one of the two");
    fs::remove_file(path).expect("removed");
    // The secret itself where its path should be.
    refused(vec![("API_TOKEN_FILE", "hunter2")], "API_TOKEN_FILE", "not the secret itself");
    let folder: &'static str = env::temp_dir().to_string_lossy().into_owned().leak();
    refused(vec![("API_TOKEN_FILE", folder)], "API_TOKEN_FILE", "cannot be read");
    let large = file("large", &vec![b'x'; 64 * 1024 + 1]);
    refused(vec![("API_TOKEN_FILE", large)], "API_TOKEN_FILE", "is larger than");
    fs::remove_file(large).expect("removed");
}

/// Sets the secret by its variable and by its file, and gives both outcomes with the variable that it was set by.
fn both_ways(content: &'static str) -> [(&'static str, Vec<(&'static str, &'static str)>); 2] {
    let path = file(&format!("both-{:x}", fastrand::u64(..)), content.as_bytes());
    [("API_TOKEN", vec![("API_TOKEN", content)]), ("API_TOKEN_FILE", vec![("API_TOKEN_FILE", path)])]
}

#[test]
fn one_rule_holds_for_secrets_in_variables_and_in_files() {
    for content in ["hunter2", "hunter2\n", "hunter2\r\n", "hunter2\n\n"] {
        for (_, variables) in both_ways(content) {
            assert_eq!(secret(variables), (Some("hunter2".to_owned()), Ok(()), Vec::new()), "{content:?}");
        }
    }
    for (content, words) in [
        (r#"{"username":"u","password":"hunter2"}"#, ":password::"),
        ("{\n  \"password\": \"hunter2\"\n}\n", ":password::"),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:hunter2", "a reference to a secret"),
        ("{{resolve:secretsmanager:hunter2:SecretString:password}}", "a reference to a secret"),
    ] {
        for (variable, variables) in both_ways(content) {
            refused(variables, variable, words);
        }
    }
    for (content, words) in [
        ("\"hunter2\"", "a quote"),
        ("'hunter2'", "a quote"),
        (" hunter2", "white space"),
        ("hunter2 ", "white space"),
        ("hunter2\nhunter3", "a line break"),
        ("API_TOKEN=hunter2", "the name of its variable"),
    ] {
        for (variable, variables) in both_ways(content) {
            let (taken, outcome, warnings) = secret(variables);
            assert_eq!((taken.as_deref(), outcome), (Some(content), Ok(())));
            let [Fault { variable: of, problem }] = &warnings[..] else { panic!("{content:?}: {warnings:?}") };
            assert!(*of == variable && problem.contains(words) && !problem.contains("hunter2"), "{of}: {problem}");
        }
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_a_fault_of_their_variable() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut reader = Reader::looking_up(|name| {
        ["API_TOKEN", "PORT"].contains(&name).then(|| OsString::from_vec(b"hunter2\xff".to_vec()))
    });
    assert!(reader.secret("API_TOKEN", "API_TOKEN_FILE").is_none() && reader.optional::<String>("PORT").is_none());
    let told = reader.finish().expect_err("two faults").to_string();
    assert!(told.contains("API_TOKEN: has bytes that are not UTF-8") && !told.contains("hunter2"), "{told}");
    assert!(told.contains("PORT: has bytes that are not UTF-8"), "{told}");
    let path = file("bytes", b"hunter2\xff");
    refused(vec![("API_TOKEN_FILE", path)], "API_TOKEN_FILE", "not UTF-8");
    let wide = file("wide", b"h\0u\0");
    refused(vec![("API_TOKEN_FILE", wide)], "API_TOKEN_FILE", "NUL");
}

#[test]
fn an_empty_variable_counts_as_unset_and_white_space_around_a_value_is_left_out() {
    let mut reader = reader(&[("API_TOKEN", ""), ("DRAIN_DELAY", " \n"), ("PORT", " 8081\n")]);
    assert_eq!(reader.optional::<String>("API_TOKEN"), None);
    assert_eq!(reader.optional::<Period>("DRAIN_DELAY"), None);
    assert_eq!(reader.optional::<Port>("PORT"), Some(Port::new(8081)));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn numbers_have_bounds_at_both_ends() {
    for (value, valid) in [("0", false), ("1", true), ("8", true), ("9", false), ("99999999999999999999999", false)] {
        let mut reader = Reader::new(move |_| Some(value.to_owned()));
        reader.within("DB_MAX_CONNECTIONS", Count(2), Count(1)..=Count(8), "there are eight");
        let outcome = reader.finish().map_err(|invalid| invalid.to_string());
        assert_eq!(outcome.is_ok(), valid, "{value}");
        let words = "DB_MAX_CONNECTIONS: has to be from 1 to 8: there are eight";
        assert!(outcome.err().is_none_or(|told| told.contains(words)));
    }
}
