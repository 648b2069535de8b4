//! Versions of the services to roll out: the one under test, under another name, and such as no test would let through.

use std::path::PathBuf;

use crate::engine::Engine;

/// What a version is like.
pub(crate) enum Kind {
    /// As it is shipped.
    Good,
    /// Another binary.
    Binary(PathBuf),
    /// It ends as soon as it starts: one of its settings makes no sense.
    CrashesAtStart,
    /// It runs, and never listens.
    NeverReady,
    /// It becomes ready, and a few seconds later wants no more requests. What it has accepted it answers.
    TurnsUnready,
}

/// Begins each version that misbehaves. One-off tasks are well: it is the service that is not.
const ONE_OFFS: &str = r#"[[ $# -eq 0 ]] || exec /service "$@"; "#;

/// The image of a service that all versions are made of.
pub(crate) fn base(service: &str) -> String {
    format!("{service}:base")
}

/// Makes `service:version` on an engine. `with_shell` is an image that has one: ours have none.
pub(crate) async fn make(engine: &Engine, service: &str, version: &str, kind: &Kind, with_shell: &str) {
    let release = format!("ENV RELEASE={version}");
    let mut changes = vec![release];
    let base = engine.docker(&["create", &base(service)]).await;
    let container = match kind {
        Kind::Good => base,
        Kind::Binary(binary) => {
            engine.docker(&["cp", &binary.to_string_lossy(), &format!("{base}:/{service}")]).await;
            base
        }
        Kind::CrashesAtStart => {
            changes.push("ENV PORT=eighty".to_owned());
            base
        }
        Kind::NeverReady | Kind::TurnsUnready => {
            let does = match kind {
                Kind::NeverReady => "trap exit TERM; sleep infinity & wait",
                // A second SIGTERM would end the service at once, so the shell drains in its place.
                _ => "DRAIN_DELAY=1h /service & trap 'sleep 5; exit' TERM; sleep 3; kill -TERM $!; wait",
            };
            changes.push(format!(
                "ENTRYPOINT {}",
                serde_json::json!(["bash", "-c", format!("{ONE_OFFS}{does}"), "service"])
            ));
            changes.push("CMD []".to_owned());
            // HAProxy's own is another one.
            changes.push("STOPSIGNAL SIGTERM".to_owned());
            changes.push(r#"HEALTHCHECK CMD ["/service", "healthcheck"]"#.to_owned());
            let container = engine.docker(&["create", with_shell]).await;
            engine.copy(&format!("{base}:/{service}"), &format!("{container}:/service")).await;
            engine.docker(&["rm", &base]).await;
            container
        }
    };
    let mut commit = vec!["commit"];
    for change in &changes {
        commit.extend(["--change", change]);
    }
    let name = format!("{service}:{version}");
    engine.docker(&[&commit[..], &[&container, &name]].concat()).await;
    engine.docker(&["rm", &container]).await;
}
