//! Talking to a server over TLS: HTTP/1.1 and gRPC.

use crate::support::Answer;
use hyper_util::rt::TokioIo;
use oxetcd_api::etcdserverpb as pb;
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use oxetcd_tls::{ClientTls, Protocol, TlsOptions};
use std::{io, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};
use tonic::transport::{Channel, Endpoint};

/// Longest time that anything here may take on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// The name that most requests call by.
pub const HOST: (&str, &str) = ("Host", "localhost");

/// A connection whose handshake is done, on this side at least.
pub async fn connect(to: &str, options: &TlsOptions, protocol: Protocol) -> io::Result<Box<dyn Socket>> {
    let tls = ClientTls::new(options.clone(), protocol).expect("files that can be used");
    let shaken = async {
        match to.strip_prefix("unix:") {
            Some(path) => {
                let stream =
                    tls.connect(UnixStream::connect(PathBuf::from(path)).await?, "localhost").await?;
                Ok(Box::new(stream) as Box<dyn Socket>)
            }
            None => Ok(Box::new(tls.connect(TcpStream::connect(to).await?, to).await?) as Box<dyn Socket>),
        }
    };
    tokio::time::timeout(LIMIT, shaken).await.expect("a handshake in time")
}

/// One request over HTTP/1.1: `METHOD path`, with more headers than those it needs.
pub async fn http(
    to: &str,
    options: &TlsOptions,
    what: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let mut stream = connect(to, options, Protocol::Http1).await?;
    let length = body.len();
    let mut request = format!("{what} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("\r\n{body}");
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = tokio::time::timeout(LIMIT, exchange).await.expect("an answer in time");
    answer.map(|text: String| Answer::parse(&text))
}

/// `GET path`: status and body.
pub async fn get(to: &str, options: &TlsOptions, path: &str) -> io::Result<(u16, String)> {
    let answer = http(to, options, &format!("GET {path}"), &[HOST], "").await?;
    Ok((answer.status, answer.body))
}

/// What a caller is told who is not let in, in the handshake or right after it.
pub async fn refusal(to: &str, options: &TlsOptions) -> String {
    let mut stream = match connect(to, options, Protocol::Http1).await {
        Ok(stream) => stream,
        Err(error) => return error.to_string(),
    };
    match tokio::time::timeout(LIMIT, stream.read_u8()).await.expect("a word in time") {
        Ok(byte) => panic!("let in, and told {byte}"),
        Err(error) => error.to_string(),
    }
}

/// A gRPC connection that stands.
pub async fn channel(to: &str, options: &TlsOptions) -> Result<Channel, tonic::transport::Error> {
    let (to, options) = (Arc::new(to.to_owned()), Arc::new(options.clone()));
    let connector = tower::service_fn(move |_: http::Uri| {
        let (to, options) = (to.clone(), options.clone());
        async move { connect(&to, &options, Protocol::Grpc).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await
}

/// A put over gRPC.
pub async fn put(channel: &Channel, key: &str) -> Result<(), tonic::Status> {
    let put = pb::PutRequest { key: key.to_owned().into(), value: "v".into(), ..Default::default() };
    KvClient::new(channel.clone()).put(put).await.map(drop)
}
