//! What is told before anything is changed, and what is left when a command was cut off.

use std::time::Duration;

use harness::eventually;
use playground::process::{self, Process};

use crate::{
    engine::{Engine, Network},
    swarm::{SERVICES, swarm, swarm_command, swarm_script},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_cannot_go_well_changes_nothing() {
    let Some(swarm) = swarm().await else { return };
    let before = specifications(&swarm.manager).await;
    for (command, settings, told) in [
        ("update", &[("TAG", "none-such")][..], "there is no image location:none-such"),
        ("update", &[("TAG", "latest")], "TAG=latest tells nobody what runs"),
        ("update", &[], "TAG is not set"),
        ("rollback", &[("SERVICE", "database")], "SERVICE=database is none of location, user"),
        ("down", &[("DATA", "some")], "DATA=some is none of keep, remove"),
    ] {
        let (status, said) = swarm.script(command, settings).await;
        assert!(!status.success() && said.contains(told), "{command} {settings:?}: {said}");
    }
    assert_eq!(specifications(&swarm.manager).await, before);

    // One that is under way is not disturbed.
    let name = "ecs-playground-swarm_location";
    let at_once = ["--update-parallelism", "0", "--update-delay", "0s", "--update-monitor", "3s"];
    let begin = ["service", "update", "--quiet", "--detach", "--no-resolve-image", "--force"];
    swarm.manager.docker(&[&begin[..], &at_once, &[name]].concat()).await;
    let state = async || {
        let format = "{{with .UpdateStatus}}{{.State}}{{end}}";
        swarm.manager.docker(&["service", "inspect", "--format", format, name]).await
    };
    eventually("the update is under way", async || state().await == "updating").await;
    let (status, said) = swarm.script("update", &[("TAG", swarm.version())]).await;
    assert!(!status.success() && said.contains("location is being updated (updating): wait"), "{said}");
    eventually("it comes to its end", async || state().await == "completed").await;
}

async fn specifications(engine: &Engine) -> Vec<String> {
    let mut specifications = Vec::new();
    for service in SERVICES {
        let name = format!("ecs-playground-swarm_{service}");
        specifications.push(engine.docker(&["service", "inspect", "--format", "{{.Version.Index}}", &name]).await);
    }
    specifications
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_on_which_the_stack_cannot_run_is_left_as_it_is() {
    let Some(swarm) = swarm().await else { return };
    let network = Network::create("refusals").await;
    let engine = Engine::start("refusing", network.name()).await;
    let image = format!("location:{}", swarm.version());
    engine.load_from(&swarm.manager, &[&image]).await;
    let up = async |settings: &[(&str, &str)]| {
        swarm_script(&engine, "up", &[&[("TAG", swarm.version())], settings].concat()).await
    };
    let refused = async |settings: &[(&str, &str)], told: &[&str]| {
        let (status, said) = up(settings).await;
        assert!(!status.success(), "{said}");
        for part in told {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    };

    refused(&[("TASK_MEMORY", "1000000M")], &["up to 16 tasks", "all of them 16000000 MiB", "TASK_MEMORY="]).await;
    refused(&[("TASK_MEMORY", "much")], &["TASK_MEMORY=much: give MiB"]).await;
    refused(&[("TAG", "none-such")], &["there is no image location:none-such"]).await;
    refused(&[("USER_PORT", "90910")], &["USER_PORT=90910 is no port"]).await;
    #[rustfmt::skip]
    let holder = engine.docker(&[
        "run", "--detach", "--name", "holder", "--publish", "8081:8081",
        "--env", "DB_HOST=nowhere", "--env", "DB_USER=a", "--env", "DB_PWD=a", "--env", "DB_NAME=a", &image,
    ])
    .await;
    refused(&[], &["port 8081 is taken by the container holder", "LOCATION_PORT=…"]).await;
    engine.docker(&["rm", "--force", "--volumes", &holder]).await;
    assert_eq!(engine.docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]).await, "inactive");

    engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"]).await;
    engine.docker(&["service", "create", "--quiet", "--detach", "--name", "shop", "--no-resolve-image", &image]).await;
    refused(&[], &["a swarm that runs other services: shop.", "SWARM=share"]).await;
    assert_eq!(engine.docker(&["service", "ls", "--format", "{{.Name}}"]).await, "shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_off_half_way_is_removed() {
    let Some(swarm) = swarm().await else { return };
    let network = Network::create("cut-off").await;
    let engine = Engine::start("cut-off", network.name()).await;
    let images = SERVICES.map(|service| format!("{service}:{}", swarm.version()));
    engine.load_from(&swarm.manager, &[&images[0], &images[1]]).await;

    // A database that never is one: there it waits.
    let wrong = [("TAG", swarm.version()), ("MYSQL_IMAGE", &images[0]), ("HAPROXY_IMAGE", &images[0])];
    let mut command = swarm_command(&engine, "up", &wrong);
    process::capture(&mut command);
    let mut process = Process::start("swarm.sh", command, Duration::ZERO).unwrap();
    eventually("the stack is half there", async || engine.docker(&["ps", "--quiet"]).await.lines().count() > 0).await;
    process.stop().await.unwrap();

    let (status, said) = swarm_script(&engine, "down", &[("DATA", "remove")]).await;
    assert!(status.success() && said.contains("this engine is no swarm any more"), "{said}");
    assert_eq!(engine.docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]).await, "inactive");
    for list in [
        &["ps", "--all", "--quiet"][..],
        &["volume", "ls", "--quiet"],
        &["network", "ls", "--quiet", "--filter", "driver=overlay"],
    ] {
        assert_eq!(engine.docker(list).await, "", "{list:?}");
    }
    // And once more, where there is nothing.
    let (status, said) = swarm_script(&engine, "down", &[]).await;
    assert!(status.success(), "{said}");
}
