//! Requests to the v2 API of one member, each with a time limit and without retries.

use super::ask::ANSWER_LIMIT;
use std::io::Result;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Index of the tree.
    pub(crate) index: u64,
    pub(crate) body: String,
    chunked: bool,
}

/// Asks with all parameters in the query.
pub(crate) async fn ask(url: &str, method: &str, path: &str) -> Result<Answer> {
    timeout(ANSWER_LIMIT, async {
        let (mut answer, mut socket) = head(url, method, path).await?;
        socket.read_to_string(&mut answer.body).await?;
        if answer.chunked {
            answer.body = joined(&answer.body);
        }
        Ok(answer)
    })
    .await?
}

/// A body of pieces, each behind its length in a line.
fn joined(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        body.push_str(after.get(..size).unwrap_or_default());
        rest = after.get(size + 2..).unwrap_or_default();
    }
    body
}

/// The first line of a body that comes piece by piece.
pub(crate) async fn first_line(url: &str, path: &str) -> Result<Option<String>> {
    timeout(ANSWER_LIMIT, async {
        let (_, socket) = head(url, "GET", path).await?;
        let mut lines = socket.lines();
        // Sizes of chunks and lines of JSON take turns.
        while let Some(line) = lines.next_line().await? {
            if line.starts_with('{') {
                return Ok(Some(line));
            }
        }
        Ok(None)
    })
    .await?
}

async fn head(url: &str, method: &str, path: &str) -> Result<(Answer, BufReader<TcpStream>)> {
    let address = url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let (mut answer, mut socket) = (Answer::default(), BufReader::new(socket));
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await?;
        let line = line.trim_end();
        if let Some(status) = line.strip_prefix("HTTP/1.1 ") {
            answer.status = status.get(..3).and_then(|status| status.parse().ok()).unwrap_or(0);
        }
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("x-etcd-index") => {
                answer.index = value.parse().unwrap_or(0);
            }
            Some((name, _)) if name.eq_ignore_ascii_case("transfer-encoding") => answer.chunked = true,
            _ => {}
        }
        if line.is_empty() {
            return Ok((answer, socket));
        }
    }
}
