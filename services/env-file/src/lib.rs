//! The `.env` file of the working folder, for development.
//!
//! dotenvy loads it. Before that, every line is checked: dotenvy would replace `$NAME` within a value, drop what follows
//! ` #`, join lines until a quote is closed, and repeat a line that it cannot read in its error. A password must neither
//! be changed nor printed, so a line is either read exactly as written, or refused by its number and variable.

mod line;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt,
    fs::{self, File},
    io::{self, ErrorKind, Read as _},
    path::{self, Path, PathBuf},
};

use line::Line;

/// Largest file that is read, in bytes: far more than all settings take.
const MAX_BYTES: u64 = 1024 * 1024;

/// A `.env` file that cannot be used. No text of the file is in it.
#[derive(Debug, thiserror::Error)]
pub struct Invalid {
    file: PathBuf,
    faults: Vec<Fault>,
}

/// What is wrong with one line, or with the whole file.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    /// Counted from 1; none for the whole file.
    line: Option<usize>,
    /// Only the name of a variable that the program knows: anything else may be a part of a secret.
    variable: Option<String>,
    problem: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file {} cannot be used:", self.file.display())?;
        for Fault { line, variable, problem } in &self.faults {
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let variable = variable.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            write!(f, "\n  {line}{variable}{problem}")?;
        }
        Ok(())
    }
}

/// Sets the variables of `file` that the environment does not have. A variable that is set to nothing there stays empty,
/// so that `NAME= command` hides a line of the file. A file that is not there has no variables.
///
/// Names of which `is_known` is false are never repeated in an error.
pub fn load(file: &Path, is_known: impl Fn(&str) -> bool) -> Result<(), Invalid> {
    let invalid = |faults| Invalid { file: path::absolute(file).unwrap_or_else(|_| file.to_owned()), faults };
    let Some(bytes) = read(file).map_err(|problem| invalid(vec![Fault { line: None, variable: None, problem }]))?
    else {
        return Ok(());
    };
    let lines = check(&bytes, is_known).map_err(invalid)?;
    let missing: Vec<_> = lines.into_iter().filter(|line| env::var_os(line.name).is_none()).collect();
    let text: String = missing.iter().flat_map(|line| [line.text, "\n"]).collect();
    dotenvy::from_read(text.as_bytes()).map_err(|_| {
        let problem = "has a line that passed all checks and still cannot be read".to_owned();
        invalid(vec![Fault { line: None, variable: None, problem }])
    })
}

/// The nearest `.env` file in a folder above the working folder, which is not read: people may think that it is.
#[must_use]
pub fn above() -> Option<PathBuf> {
    let folder = env::current_dir().ok()?;
    folder.ancestors().skip(1).map(|folder| folder.join(".env")).find(|file| file.is_file())
}

/// The variables that an example of such a file describes: those that it sets, also within comments.
#[must_use]
pub fn names(example: &str) -> BTreeSet<&str> {
    let assignments = example.lines().filter_map(|line| line.trim_start_matches('#').trim_start().split_once('='));
    let is_variable = |name: &&str| name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
    assignments.map(|(name, _)| name).filter(is_variable).collect()
}

/// The content of `file`; none where there is no such file.
fn read(file: &Path) -> Result<Option<Vec<u8>>, String> {
    let unreadable = |problem: io::Error| format!("cannot be read: {problem}");
    let open = match File::open(file) {
        // A link that leads nowhere was meant to lead somewhere.
        Err(problem) if problem.kind() == ErrorKind::NotFound && fs::symlink_metadata(file).is_err() => {
            return Ok(None);
        }
        other => other.map_err(unreadable)?,
    };
    let mut bytes = Vec::new();
    open.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("is in UTF-16; save it as UTF-8".to_owned());
    }
    Ok(Some(bytes))
}

/// The lines that set a variable, or everything that is wrong with the file.
fn check(bytes: &[u8], is_known: impl Fn(&str) -> bool) -> Result<Vec<Line<'_>>, Vec<Fault>> {
    // Editors on Windows begin a file with the byte order mark of UTF-8.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let (mut lines, mut faults, mut seen) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (index, bytes) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        let mut fault = |name: Option<&str>, problem: String| {
            let variable = name.filter(|name| is_known(name)).map(str::to_owned);
            faults.push(Fault { line: Some(number), variable, problem });
        };
        match Line::parse(bytes) {
            Ok(None) => {}
            Ok(Some(line)) => {
                if let Some(earlier) = seen.insert(line.name, number) {
                    fault(Some(line.name), format!("is set on line {earlier} already; keep one of the two"));
                } else {
                    lines.push(line);
                }
            }
            Err(refused) => fault(refused.name, refused.problem.to_owned()),
        }
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What dotenvy makes of the lines that are let through, or where and why they are not.
    fn read_all(text: &[u8]) -> Result<Vec<(String, String)>, String> {
        let lines = check(text, |name| name.starts_with("DB_")).map_err(|faults| {
            let file = PathBuf::from(".env");
            Invalid { file, faults }.to_string()
        })?;
        let text: String = lines.iter().flat_map(|line| [line.text, "\n"]).collect();
        Ok(dotenvy::from_read_iter(text.as_bytes()).map(|pair| pair.expect("checked")).collect())
    }

    #[test]
    fn what_is_let_through_is_read_literally() {
        for (line, value) in [
            ("DB_PWD=", ""),
            ("DB_PWD=''", ""),
            ("DB_PWD=hunter2", "hunter2"),
            ("DB_PWD=a=b#c!d`e", "a=b#c!d`e"),
            ("  export DB_PWD = hunter2 \t", "hunter2"),
            ("DB_PWD=hunter2\r", "hunter2"),
            ("DB_PWD='correct horse $battery #1 \\n \"x\" '", "correct horse $battery #1 \\n \"x\" "),
            ("DB_PWD='it' # a comment, it's", "it"),
            (r#"DB_PWD="it's \$5 \\ \"x\" ${NOT}""#, ""),
            (r#"DB_PWD="it's \$5 \\ \"x\" #1""#, "it's $5 \\ \"x\" #1"),
            ("DB_PWD=\"h\u{fc}nter\t2\"", "h\u{fc}nter\t2"),
        ] {
            match read_all(line.as_bytes()) {
                Ok(pairs) => assert_eq!(pairs, [("DB_PWD".to_owned(), value.to_owned())], "{line:?}"),
                Err(told) => assert!(line.contains("${") && told.contains("line 1: DB_PWD: has $"), "{line:?}: {told}"),
            }
        }
        let text = "\u{feff}# it's a comment\r\n\r\nDB_PWD=x\r\nDB_USER=y";
        let pairs = [("DB_PWD", "x"), ("DB_USER", "y")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read_all(text.as_bytes()), Ok(pairs.to_vec()));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused_by_line_and_variable_without_its_text() {
        for line in [
            "DB_PWD=correct horse hunter2",
            "DB_PWD=hun$ter2",
            "DB_PWD=hun${ter2}",
            "DB_PWD=hun\\$ter2",
            "DB_PWD=\"hun$ter2\"",
            "DB_PWD=\"hunter2\\n\"",
            "DB_PWD=hunter2 #hunter2",
            "DB_PWD=#hunter2",
            "DB_PWD= # hunter2",
            "DB_PWD=hun'ter2",
            "DB_PWD=hunter2\\",
            "DB_PWD='hunter2\\'",
            "DB_PWD='hunter2",
            "DB_PWD=\"hunter2",
            "DB_PWD='hunter2'hunter2",
            "DB_PWD='hunter2'#hunter2",
            "DB_PWD=hunter2\u{a0}",
            "DB_PWD='hunter2\u{0}'",
            "DB_PWD='hunter2\r'",
        ] {
            let told = read_all(format!("\n{line}\n").as_bytes()).expect_err(line);
            assert!(told.contains("\n  line 2: DB_PWD: ") && !told.contains("hunter2"), "{line:?}: {told}");
        }
        let told = read_all(b"DB_PWD=hunter2\xff").expect_err("no UTF-8");
        assert!(told.contains("line 1: DB_PWD: ") && told.contains("UTF-8") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn no_part_of_a_secret_is_taken_for_the_name_of_a_variable() {
        for line in
            ["HUNTER2ABC", "HUNTER2ABC=x$y", "HUNTER2ABC: x", "-HUNTER2ABC=x", "=HUNTER2ABC", "export HUNTER2ABC"]
        {
            let told = read_all(line.as_bytes()).expect_err(line);
            assert!(told.contains("line 1: ") && !told.contains("HUNTER2ABC"), "{line:?}: {told}");
        }
        let told = read_all(b"DB_PWD='first\nHUNTER2ABC=\nlast'").expect_err("three lines");
        assert!(
            told.contains("line 1: DB_PWD: ") && told.contains("line 3: ") && !told.contains("HUNTER2ABC"),
            "{told}"
        );
    }

    #[test]
    fn a_variable_that_is_set_twice_is_refused() {
        let told = read_all(b"DB_PWD=x\nDB_PWD=y").expect_err("two values");
        assert!(told.contains("line 2: DB_PWD: is set on line 1 already"), "{told}");
    }

    #[test]
    fn only_a_file_that_is_not_there_is_passed_over() {
        let folder = env::temp_dir().join(format!("env-file-{}", std::process::id()));
        fs::create_dir(&folder).expect("created");
        let file = folder.join(".env");
        let refused = || load(&file, |_| true).expect_err("unusable").to_string();
        load(&file, |_| true).expect("there is none");
        std::os::unix::fs::symlink("nowhere", &file).expect("linked");
        assert!(refused().contains("cannot be read"));
        fs::remove_file(&file).expect("removed");
        fs::create_dir(&file).expect("created");
        assert!(refused().contains("cannot be read"));
        fs::remove_dir(&file).expect("removed");
        fs::write(&file, [&[0xff, 0xfe][..], b"D\0B\0"].concat()).expect("written");
        assert!(refused().contains("is in UTF-16"));
        fs::write(&file, vec![b'#'; 1024 * 1024 + 1]).expect("written");
        assert!(refused().contains("is larger than"));
        fs::write(&file, "ENV_FILE_TEST_PATH=x\nPATH=nowhere\n").expect("written");
        load(&file, |_| true).expect("usable");
        assert_eq!(env::var("ENV_FILE_TEST_PATH").as_deref(), Ok("x"));
        assert_ne!(env::var("PATH").as_deref(), Ok("nowhere"), "the environment goes first");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn an_example_names_its_variables() {
        let example = "# A text = nothing.\nDB_HOST=x\n#DB_PORT=3306\n# DB_USER=y\n#lower=x\n";
        assert_eq!(names(example), BTreeSet::from(["DB_HOST", "DB_PORT", "DB_USER"]));
    }
}
