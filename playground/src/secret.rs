//! Passwords and tokens that are made up here.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result};

/// `bytes` random bytes of the kernel's, in hexadecimal.
pub fn random(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut buffer))
        .context("cannot read random bytes from /dev/urandom")?;
    Ok(hex::encode(buffer))
}

/// The password kept in `file`; one is made up when the file is not there.
pub fn kept(file: &Path) -> Result<String> {
    match fs::read_to_string(file) {
        Ok(password) if !password.is_empty() => return Ok(password),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot read {}", file.display()));
        }
        _ => {}
    }
    let password = random(16)?;
    write(file, &password)?;
    Ok(password)
}

/// Writes `content` to a `file` that only its owner can read.
pub fn write(file: &Path, content: &str) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(content.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
}
