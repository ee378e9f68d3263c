//! The log while the member runs: its level, and an output that nobody reads.

use crate::support::{Server, http, http_get};
use etcd_client::Client;
use std::{fs::OpenOptions, process::Command};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test(flavor = "multi_thread")]
async fn its_level_is_changed_over_http() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &["--bcrypt-cost", "4"]);
    let mut client = Client::connect([server.url()], None).await?;
    let put = |body: &str| {
        let answer = http(server.endpoint(), "PUT", "/config/local/log", body);
        (answer.status, answer.body)
    };
    client.put("quiet", "1", None).await?;
    assert_eq!(put(r#"{"Level":"DEBUG"}"#), (204, String::new()));
    client.put("told", "1", None).await?;
    assert_eq!(put(r#"{"Level":"info"}"#), (204, String::new()));
    client.put("quiet", "2", None).await?;
    assert_eq!(put(r#"{"Level":"LOUD"}"#), (400, "Invalid log level LOUD\n".to_owned()));
    let (status, text) = put("{");
    assert!(status == 400 && text.starts_with("Invalid json body: "), "{text}");
    assert_eq!(http_get(server.endpoint(), "/config/local/log").0, 405);
    // With users it is for administrators.
    client.user_add("root", "secret", None).await?;
    client.role_add("root").await?;
    client.user_grant_role("root", "root").await?;
    client.auth_enable().await?;
    let (status, text) = put(r#"{"Level":"DEBUG"}"#);
    assert_eq!(status, 403, "{text}");
    let log = server.terminate_and_read();
    assert!(log.contains(r#"key:\"told\""#), "{log}");
    assert!(!log.contains("quiet"), "{log}");
    Ok(())
}

/// A pipe holds 64 KiB. Whoever writes into it then waits until somebody reads, which is never.
#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_nobody_reads_holds_nobody_up() -> Outcome {
    let dir = tempfile::tempdir()?;
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status()?.success());
    // Open at both ends, or the server would wait for a reader when it opens it.
    let _held = OpenOptions::new().read(true).write(true).open(&pipe)?;
    let outputs = format!("stderr,{}", pipe.display());
    let data = dir.path().join("data");
    let server = Server::start(&data, &["--log-level", "debug", "--log-outputs", &outputs]);
    let client = Client::connect([server.url()], None).await?;
    // A line each, of more than 200 bytes: several pipes full.
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let mut client = client.clone();
            tokio::spawn(async move {
                for number in 0..150 {
                    client.put(format!("{writer}/{number}"), "value", None).await?;
                }
                Ok::<_, etcd_client::Error>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    assert_eq!(http_get(server.endpoint(), "/readyz").0, 200);
    // Nor does it keep the process from ending.
    assert!(server.terminate().success());
    Ok(())
}
