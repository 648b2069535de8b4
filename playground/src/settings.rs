//! Settings from the environment: an empty variable is an unset one, and a secret may be in a file.

use std::{env, fs};

use anyhow::{Context, Result, bail};

/// The variable `name`, unless it is unset or empty.
#[must_use]
pub fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The secret in the variable `name`, or in the file that `NAME_FILE` names, without the line end of its last line. No
/// error has the file's name in it: the secret itself may stand where its path should.
pub fn secret(name: &str) -> Result<Option<String>> {
    let file_variable = format!("{name}_FILE");
    let Some(file) = setting(&file_variable) else { return Ok(setting(name)) };
    if setting(name).is_some() {
        bail!("{name} and {file_variable} are both set: unset one of them");
    }
    let content =
        fs::read_to_string(&file).with_context(|| format!("{file_variable}: cannot read the file that it names"))?;
    let content = content.trim_end_matches(['\r', '\n']);
    if content.is_empty() {
        bail!("{file_variable}: the file that it names is empty");
    }
    Ok(Some(content.to_owned()))
}
