//! The gateway over a web socket, and reflection: what tools of the browser and the shell use.

use crate::support::{Server, http};
use futures::{SinkExt, StreamExt};
use std::collections::BTreeSet;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;
type Socket = WebSocketStream<TcpStream>;

async fn open(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("ws://{}{path}", server.endpoint()).into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).expect("a value"));
    }
    let connection = TcpStream::connect(server.endpoint()).await?;
    Ok(client_async(request, connection).await?.0)
}

/// The next line of the answer, without its header.
async fn next(socket: &mut Socket) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    loop {
        match socket.next().await.ok_or("it was closed")?? {
            Message::Text(text) => {
                let mut line: serde_json::Value = serde_json::from_str(&text)?;
                if let Some(fields) = line["result"].as_object_mut() {
                    fields.remove("header");
                }
                return Ok(line);
            }
            Message::Close(_) => return Err("it was closed".into()),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_can_watch() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let mut socket = open(&server, "/v3/watch", &[]).await?;
    let create = |key: &str| Message::text(format!(r#"{{"create_request":{{"key":"{key}"}}}}"#));
    socket.send(create("Zm9v")).await?;
    assert_eq!(next(&mut socket).await?, serde_json::json!({"result": {"created": true}}));
    let put = |value: &str| {
        let body = format!(r#"{{"key":"Zm9v","value":"{value}"}}"#);
        assert_eq!(http(server.endpoint(), "POST", "/v3/kv/put", &body).status, 200);
    };
    put("MQ==");
    assert_eq!(next(&mut socket).await?["result"]["events"][0]["kv"]["value"], "MQ==");
    // A second watcher on the same stream, some time later.
    socket.send(create("YmFy")).await?;
    assert_eq!(next(&mut socket).await?["result"]["watch_id"], "1");
    put("Mg==");
    assert_eq!(next(&mut socket).await?["result"]["events"][0]["kv"]["value"], "Mg==");
    socket.close(None).await?;
    // The stream ends with the socket.
    let streams = || {
        http(server.endpoint(), "GET", "/metrics", "")
            .body
            .contains("\netcd_debugging_mvcc_watch_stream_total 0\n")
    };
    while !streams() {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn single_calls_end_the_socket_and_strangers_do_not_get_one() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &["--cors", "https://a.example:443"]);
    let mut socket = open(&server, "/v3/kv/put", &[("origin", "https://a.example:443")]).await?;
    socket.send(Message::text(r#"{"key":"Zm9v"}"#)).await?;
    let Some(Ok(Message::Text(answer))) = socket.next().await else { return Err("no answer".into()) };
    assert!(answer.contains("\"revision\":\"2\""), "{answer}");
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    let mut socket = open(&server, "/v3/nothing", &[]).await?;
    assert!(next(&mut socket).await?["message"] == "Not Found");
    for (path, headers, status) in [
        ("/v3/watch", &[("origin", "https://b.example")][..], 403),
        ("/v3/watch", &[("sec-websocket-version", "12")], 400),
        ("/elsewhere", &[], 404),
    ] {
        match open(&server, path, headers).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), status, "{path}"),
            other => return Err(format!("{path}: {:?}", other.map(drop)).into()),
        }
    }
    // Nor does a stop wait for sockets that are open.
    let _open = open(&server, "/v3/watch", &[]).await?;
    assert!(server.terminate().success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_services() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let channel = tonic::transport::Channel::from_shared(server.url())?.connect().await?;
    let mut client = ServerReflectionClient::new(channel);
    let ask = |request| ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let asked = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("etcdserverpb.KV".to_owned()),
    ];
    let mut answers =
        client.server_reflection_info(futures::stream::iter(asked.map(ask))).await?.into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) =
        answers.message().await?.and_then(|a| a.message_response)
    else {
        return Err("no list".into());
    };
    let names: BTreeSet<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["etcdserverpb.KV", "etcdserverpb.Watch", "etcdserverpb.Maintenance", "v3lockpb.Lock"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    let Some(MessageResponse::FileDescriptorResponse(files)) =
        answers.message().await?.and_then(|answer| answer.message_response)
    else {
        return Err("no descriptor".into());
    };
    assert!(!files.file_descriptor_proto.is_empty());
    Ok(())
}
