//! Secrets, from a variable or from a file.

use std::{
    fs::File,
    io::{self, Read as _},
};

use serde_json::{Map, Value};

/// Largest file that is read as a secret, in bytes: a header, by which tokens come, takes less.
const MAX_BYTES: u64 = 64 * 1024;

/// Why a file cannot be read; without its name, which may be the secret itself.
const HINT: &str = "it takes the path of a file, not the secret itself";

/// The text of the file at `path`.
pub(super) fn read(path: &str) -> Result<String, String> {
    let unreadable = |problem: io::Error| {
        let made_by_engine = if problem.kind() == io::ErrorKind::IsADirectory {
            " (a container engine creates a folder where the file to be mounted is missing)"
        } else {
            ""
        };
        format!("the file that it names cannot be read: {problem}{made_by_engine}; {HINT}")
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("the file that it names is larger than {MAX_BYTES} bytes, which no secret is"));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| "the file that it names has bytes that are not UTF-8".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The secret without the line end that editors, `echo` and secret stores add to it.
pub(super) fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}

/// Why `secret` cannot be one: it is something that holds or names the secret.
pub(super) fn fault(secret: &str) -> Option<&'static str> {
    if serde_json::from_str::<Map<String, Value>>(secret).is_ok() {
        Some(
            "is a JSON object, as Secrets Manager keeps them, not one value of it; in a task definition add the key to the \
             ARN in valueFrom, as in …:secret:NAME:password::",
        )
    } else if secret.starts_with("arn:aws") || secret.starts_with("{{resolve:") {
        Some("is a reference to a secret, not its value; in a task definition list it in secrets, not in environment")
    } else if secret.contains('\0') {
        Some("has a NUL character; a file has to be saved as UTF-8")
    } else {
        None
    }
}

/// What is suspicious about `secret`, which `variable` holds or names the file of; it is used as it is.
pub(super) fn hint(secret: &str, variable: &str) -> Option<&'static str> {
    let quoted =
        ['"', '\'', '`'].iter().any(|quote| secret.len() > 1 && secret.starts_with(*quote) && secret.ends_with(*quote));
    let assigned = secret.split_once('=').is_some_and(|(name, _)| variable.trim_end_matches("_FILE") == name);
    if quoted {
        Some("begins and ends with a quote, which is taken as a part of the secret")
    } else if secret.starts_with(char::is_whitespace) || secret.ends_with(char::is_whitespace) {
        Some("begins or ends with white space, which is taken as a part of the secret")
    } else if secret.contains(char::is_control) {
        Some("has a line break or another control character, which is taken as a part of the secret")
    } else if assigned {
        Some("begins with the name of its variable, which is taken as a part of the secret")
    } else {
        None
    }
}
