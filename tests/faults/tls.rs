//! The connection to the database is protected as far as `DB_TLS` says, or there is none.

use std::{fs, path::PathBuf};

use harness::{Database, PATIENCE, start, unprepared};
use playground::{database::private::Breakable, folders};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use sqlx::{AssertSqlSafe, Executor as _, raw_sql};

use crate::{server, turn::turn};

/// The server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certificate {
    Valid,
    Expired,
    OfAnotherHost,
    /// The server speaks in plain text only.
    None,
}

/// Whom the service trusts.
#[derive(Clone, Copy, Debug)]
enum Trusts {
    TheAuthority,
    AnotherAuthority,
}

/// What comes of it: the service is well, or its log has these words.
type Outcome = Result<(), &'static str>;

const REFUSED: &str = "invalid peer certificate";

/// Every combination that differs.
const CASES: [(Certificate, &str, Trusts, Outcome); 19] = {
    use Certificate::{Expired, None, OfAnotherHost, Valid};
    use Trusts::{AnotherAuthority, TheAuthority};
    [
        (Valid, "required", AnotherAuthority, Ok(())),
        // Without a mode, who names an authority has certificates verified, as with MySQL's own clients.
        (Valid, "", TheAuthority, Ok(())),
        (Valid, "", AnotherAuthority, Err(REFUSED)),
        (OfAnotherHost, "", TheAuthority, Ok(())),
        (None, "", TheAuthority, Err("TLS")),
        (Valid, "verify-ca", TheAuthority, Ok(())),
        (Valid, "verify-identity", TheAuthority, Ok(())),
        (Valid, "verify-ca", AnotherAuthority, Err(REFUSED)),
        (Valid, "verify-identity", AnotherAuthority, Err(REFUSED)),
        (Expired, "required", TheAuthority, Ok(())),
        (Expired, "verify-ca", TheAuthority, Err(REFUSED)),
        (Expired, "verify-identity", TheAuthority, Err(REFUSED)),
        (OfAnotherHost, "verify-ca", TheAuthority, Ok(())),
        (OfAnotherHost, "verify-identity", TheAuthority, Err(REFUSED)),
        (None, "disabled", TheAuthority, Ok(())),
        (None, "preferred", TheAuthority, Ok(())),
        (None, "required", TheAuthority, Err("TLS")),
        (None, "verify-ca", TheAuthority, Err("TLS")),
        (None, "verify-identity", TheAuthority, Err("TLS")),
    ]
};

#[tokio::test]
async fn certificates_are_verified_or_refused_as_the_settings_say() {
    let _turn = turn().await;
    let Some(mut server) = server::start(&[]).await else { return };
    let files = Files::new();
    let database = Database::on(server.server()).await;
    for certificate in [Certificate::Valid, Certificate::Expired, Certificate::OfAnotherHost, Certificate::None] {
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
        let options = self.options(certificate, server.is_mariadb());
        server.start_again(&options.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    }

    fn options(&self, certificate: Certificate, mariadb: bool) -> Vec<String> {
        let name = match certificate {
            Certificate::Valid => "valid",
            Certificate::Expired => "expired",
            Certificate::OfAnotherHost => "other",
            Certificate::None if mariadb => return vec!["--skip-ssl".into()],
            Certificate::None => return vec!["--tls-version=".into()],
        };
        let (certificate, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        vec![format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")]
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
