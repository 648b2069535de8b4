//! The connection to the database is protected as far as `DB_TLS` says, or there is none.

use std::{fs, path::PathBuf};

use harness::{Database, PATIENCE, Seeded, prepared, server, start, unprepared};
use playground::{database::private::Breakable, folders};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use sqlx::{AssertSqlSafe, Executor as _, raw_sql};

use crate::turn::turn;

/// The server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certificate {
    Valid,
    Expired,
    OfAnotherHost,
    /// The server speaks in plain text only.
    None,
    /// A good one, on a server that speaks TLS 1.1 only.
    Old,
}

/// Whom the service trusts.
#[derive(Clone, Copy, Debug)]
enum Trusts {
    TheAuthority,
    AnotherAuthority,
}

/// What comes of it: the service is well, or its log has these words.
type Outcome = Result<(), &'static str>;

/// The remedies that the log gives.
const AUTHORITY: Outcome = Err("set DB_TLS_CA to the file of the authority");
const EXPIRED: Outcome = Err("certificate has expired");
const NAME: Outcome = Err("set DB_HOST to a name in it");
const NO_TLS: Outcome = Err("the server offers no TLS");
const VERSION: Outcome = Err("enable TLS 1.2 or 1.3");

/// Every combination that differs.
const CASES: [(Certificate, &str, Trusts, Outcome); 21] = {
    use Certificate::{Expired, None, OfAnotherHost, Old, Valid};
    use Trusts::{AnotherAuthority, TheAuthority};
    [
        (Valid, "required", AnotherAuthority, Ok(())),
        // Without a mode, who names an authority has certificates verified, as with MySQL's own clients.
        (Valid, "", TheAuthority, Ok(())),
        (Valid, "", AnotherAuthority, AUTHORITY),
        (OfAnotherHost, "", TheAuthority, Ok(())),
        (None, "", TheAuthority, NO_TLS),
        (Valid, "verify-ca", TheAuthority, Ok(())),
        (Valid, "verify-identity", TheAuthority, Ok(())),
        (Valid, "verify-ca", AnotherAuthority, AUTHORITY),
        (Valid, "verify-identity", AnotherAuthority, AUTHORITY),
        (Expired, "required", TheAuthority, Ok(())),
        (Expired, "verify-ca", TheAuthority, EXPIRED),
        (Expired, "verify-identity", TheAuthority, EXPIRED),
        (OfAnotherHost, "verify-ca", TheAuthority, Ok(())),
        (OfAnotherHost, "verify-identity", TheAuthority, NAME),
        (None, "disabled", TheAuthority, Ok(())),
        (None, "preferred", TheAuthority, Ok(())),
        (None, "required", TheAuthority, NO_TLS),
        (None, "verify-ca", TheAuthority, NO_TLS),
        (None, "verify-identity", TheAuthority, NO_TLS),
        (Old, "preferred", TheAuthority, VERSION),
        (Old, "verify-identity", TheAuthority, VERSION),
    ]
};

#[tokio::test]
async fn certificates_are_verified_or_refused_as_the_settings_say() {
    let _turn = turn().await;
    let Some(mut server) = server::start(&[]).await else { return };
    let files = Files::new();
    let database = Database::on(server.server()).await;
    prepared("location", &database, Seeded::No).await;
    // MySQL does not speak it any more.
    let old = server.is_mariadb().then_some(Certificate::Old);
    let others = [Certificate::Valid, Certificate::Expired, Certificate::OfAnotherHost, Certificate::None];
    for certificate in others.into_iter().chain(old) {
        files.certify(&mut server, certificate).await;
        for (_, mode, trusts, outcome) in CASES.iter().filter(|(of, ..)| *of == certificate) {
            let service = unprepared("location", &database).set("DB_HOST", "localhost").set("DB_TLS", *mode);
            let ca = match trusts {
                Trusts::TheAuthority => "authority.pem",
                Trusts::AnotherAuthority => "another.pem",
            };
            let case = format!("{certificate:?}, {mode:?}, {trusts:?}");
            // Modes that verify nothing take no authority.
            let verifies = !["disabled", "preferred", "required"].contains(mode);
            let ca = if verifies { files.path(ca) } else { String::new() };
            is_as_expected(&service.set("DB_TLS_CA", ca), &database, *outcome, &case).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_insists_on_tls_is_not_spoken_to_in_plain_text() {
    let _turn = turn().await;
    let Some(mut server) = server::start(&[]).await else { return };
    let files = Files::new();
    let database = Database::on(server.server()).await;
    files.certify(&mut server, Certificate::Valid).await;
    prepared("location", &database, Seeded::No).await;
    let statement = format!("ALTER USER '{}'@'%' REQUIRE SSL", database.user());
    database.administer().await.execute(raw_sql(AssertSqlSafe(statement))).await.unwrap();
    for (mode, outcome) in [("disabled", Err("Access denied")), ("preferred", Ok(())), ("required", Ok(()))] {
        let service = unprepared("location", &database).set("DB_TLS", mode);
        is_as_expected(&service, &database, outcome, mode).await;
    }
}

async fn is_as_expected(service: &playground::service::Service, database: &Database, outcome: Outcome, case: &str) {
    let (running, client) = start(service).await;
    let health = client.get("/health").await;
    let logged = match outcome {
        Ok(()) => "the database is well",
        Err(words) => words,
    };
    let line = running.log().wait_for(|line| line.contains(logged), PATIENCE).await;
    assert!(line.is_some(), "{case}: {logged:?} is not in {}", running.log().tail(20));
    assert_eq!(health.status.as_u16(), if outcome.is_ok() { 200 } else { 503 }, "{case}");
    assert!(!running.log().tail(usize::MAX).contains(database.password()), "{case}: the password is in the log");
}

/// An authority, another one, and what they have signed; removed with this value.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let folder = folders::playground().unwrap().join(format!("tls-{}-{:x}", std::process::id(), fastrand::u32(..)));
        fs::create_dir(&folder).unwrap();
        let files = Self(folder);
        let (authority, another) = (authority(), authority());
        files.write("authority.pem", &authority.pem());
        files.write("another.pem", &another.pem());
        for (name, host, until) in
            [("valid", "localhost", 2100), ("expired", "localhost", 2020), ("other", "elsewhere.invalid", 2100)]
        {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new([host.to_owned()]).unwrap();
            params.not_before = date_time_ymd(2015, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
            files.write(&format!("{name}.pem"), &params.signed_by(&key, &authority).unwrap().pem());
            files.write(&format!("{name}.key"), &key.serialize_pem());
        }
        files
    }

    /// Starts `server` again with that certificate.
    async fn certify(&self, server: &mut Breakable, certificate: Certificate) {
        server.stop().await.unwrap();
        if certificate == Certificate::Old {
            // The tests' own connections speak nothing so old.
            server.disable_tls();
        }
        let options = self.options(certificate, server.is_mariadb());
        server.start_again(&options.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    }

    fn options(&self, certificate: Certificate, mariadb: bool) -> Vec<String> {
        let name = match certificate {
            Certificate::Valid | Certificate::Old => "valid",
            Certificate::Expired => "expired",
            Certificate::OfAnotherHost => "other",
            Certificate::None if mariadb => return vec!["--skip-ssl".into()],
            Certificate::None => return vec!["--tls-version=".into()],
        };
        let (file, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        let mut options = vec![format!("--ssl-cert={file}"), format!("--ssl-key={key}")];
        if certificate == Certificate::Old {
            // OpenSSL has no cipher for it otherwise.
            options.extend(["--tls-version=TLSv1.1".into(), "--ssl-cipher=ALL:@SECLEVEL=0".into()]);
        }
        options
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.0.join(name), content).unwrap();
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
