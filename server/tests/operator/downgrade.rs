//! Going back to the version before: asked for, begun, called off.

use crate::support::{Server, http_get};
use etcd_client::{Client, DowngradeOptions, Error};
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const DEADLINE: Duration = Duration::from_secs(90);

/// Asks, and answers with the version told, or with code and text of the refusal.
async fn ask(client: &Client, what: DowngradeOptions) -> Result<String, (i32, String)> {
    match client.maintenance_client().downgrade(what).await {
        Ok(answer) => Ok(answer.version().to_owned()),
        Err(Error::GRpcStatus(status)) => Err((status.code() as i32, status.message().to_owned())),
        Err(other) => panic!("not an answer: {other:?}"),
    }
}

fn refused(code: i32, text: &str) -> Result<String, (i32, String)> {
    Err((code, format!("etcdserver: {text}")))
}

/// Waits until the cluster speaks `version`.
async fn wait_for_version(server: &Server, version: &str) {
    let wanted = format!("\"etcdcluster\":\"{version}\"");
    let began = Instant::now();
    loop {
        let (_, body) = http_get(server.endpoint(), "/version");
        if body.contains(&wanted) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "the cluster does not come to {version}: {body}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn info(client: &mut Client) -> Result<(bool, String), Error> {
    let status = client.status().await?;
    let info = status.downgrade_info().expect("there always is one");
    Ok((info.enabled(), info.target_version().to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_downgrade_is_begun_survives_and_is_called_off() -> Outcome {
    use DowngradeOptions::Cancel;
    let validate = |version: &str| DowngradeOptions::Validate(version.to_owned());
    let enable = |version: &str| DowngradeOptions::Enable(version.to_owned());
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let mut client = Client::connect([server.url()], None).await?;
    let (format, target) = ("wrong downgrade target version format", "invalid downgrade target version");
    for (version, text) in [("one", format), ("3.7", target), ("3.5.0", target)] {
        assert_eq!(ask(&client, validate(version)).await, refused(3, text));
        assert_eq!(ask(&client, enable(version)).await, refused(3, text));
    }
    assert_eq!(ask(&client, validate("3.6")).await, Ok("3.7".to_owned()));
    assert_eq!(info(&mut client).await?, (false, String::new()));
    // There is nothing to call off, and that is no mistake.
    assert_eq!(ask(&client, Cancel).await, Ok("3.7".to_owned()));
    assert!(ask(&client, enable("3.6.9")).await.is_ok());
    wait_for_version(&server, "3.6.0").await;
    assert_eq!(info(&mut client).await?, (true, "3.6.0".to_owned()));
    assert_eq!(http_get(server.peer(), "/downgrade/enabled"), (200, "true".to_owned()));
    let progress = "cluster has a downgrade job in progress";
    assert_eq!(ask(&client, validate("3.5")).await, refused(9, progress));
    assert_eq!(ask(&client, enable("3.5")).await, refused(9, progress));
    assert_eq!(ask(&client, enable("3.6")).await, refused(3, target));
    client.put("key", "value", None).await?;
    // Nobody but an operator calls it off while a member runs the newer version.
    server.kill();
    let server = Server::start(dir.path(), &["--downgrade-check-time", "10ms"]);
    let mut client = Client::connect([server.url()], None).await?;
    assert_eq!(info(&mut client).await?, (true, "3.6.0".to_owned()));
    assert_eq!(client.status().await?.version(), "3.7.1");
    assert!(ask(&client, Cancel).await.is_ok());
    assert_eq!(info(&mut client).await?, (false, String::new()));
    wait_for_version(&server, "3.7.0").await;
    assert_eq!(http_get(server.peer(), "/downgrade/enabled"), (200, "false".to_owned()));
    assert_eq!(client.get("key", None).await?.count(), 1);
    Ok(())
}
