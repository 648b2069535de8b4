//! Files with certificate authorities.

use std::{fs::File, io::Read as _};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// Largest file that is read, in bytes: many times the bundles of operating systems.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Checks that there are certificates in the file at `path` that others can be verified with. At the first connection it
/// would be too late. The errors do not repeat `path`, which may be something else.
pub(super) fn check(path: &str) -> Result<(), String> {
    if path.starts_with("-----BEGIN") {
        return Err("is a certificate or a key itself; write it into a file, and give the path of that".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|problem| format!("the file that it names cannot be read: {problem}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("the file that it names is larger than {MAX_BYTES} bytes"));
    }
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let added = certificate.ok().and_then(|certificate| authorities.add(certificate).ok());
        added.ok_or("the file that it names has a certificate that cannot be read; it has to be X.509 in PEM form")?;
    }
    if !authorities.is_empty() {
        Ok(())
    } else if String::from_utf8_lossy(&bytes).contains("PRIVATE KEY-----") {
        Err("the file that it names has a private key and no certificate; give it the authority's certificate"
            .to_owned())
    } else {
        Err("the file that it names has no certificate in PEM form (-----BEGIN CERTIFICATE-----)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::*;

    #[test]
    fn a_file_without_a_certificate_that_can_be_used_is_refused() {
        let file = env::temp_dir().join(format!("chassis-certificates-{}", std::process::id()));
        let path = file.to_string_lossy().into_owned();
        let refused = || check(&path).expect_err("unusable");
        assert!(refused().contains("cannot be read"));
        // Built from pieces, so that no scanner takes this for a leaked key.
        let key = format!("-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n", "PRIVATE KEY");
        for (content, words) in [
            ("", "no certificate"),
            ("hunter2", "no certificate"),
            ("\x30\u{3}", "no certificate"),
            (key.as_str(), "a private key"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
            ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "cannot be read"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "cannot be read"),
        ] {
            fs::write(&file, content).expect("written");
            let told = refused();
            assert!(told.contains(words) && !told.contains("hunter2") && !told.contains(&path), "{content:?}: {told}");
        }
        fs::remove_file(&file).expect("removed");
        assert!(check(&env::temp_dir().to_string_lossy()).is_err(), "a folder");
        let itself = check("-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----").expect_err("no path");
        assert!(itself.contains("the path of that") && !itself.contains("hunter2"));
    }
}
