//! HTTP as far as this needs it: one request a connection, and bodies that come line by line.

use super::script::Request;
use anyhow::{Context, Result};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longest time that an answer may take.
const LIMIT: Duration = Duration::from_secs(60);

/// An answer whose headers have come.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    socket: BufReader<TcpStream>,
    chunked: bool,
    length: Option<u64>,
    /// Of the body, what came and was not taken.
    waiting: Vec<u8>,
    ended: bool,
}

/// Sends a request and waits for the headers of the answer.
pub(super) fn send(to: SocketAddr, request: &Request) -> Result<Answer> {
    let mut socket = TcpStream::connect_timeout(&to, LIMIT)?;
    socket.set_read_timeout(Some(LIMIT))?;
    let Request { method, path, kind, body, user } = request;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n");
    if let Some(kind) = kind {
        text.push_str(&format!("Content-Type: {kind}\r\n"));
    }
    if let Some(user) = user {
        text.push_str(&format!("Authorization: Basic {}\r\n", base64(user.as_bytes())));
    }
    if !body.is_empty() || method != "GET" {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    socket.write_all(format!("{text}\r\n{body}").as_bytes())?;
    let mut socket = BufReader::new(socket);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let status = head.first().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = head.iter().skip(1).filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let header = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    Ok(Answer {
        status: status.context("an answer without a status")?,
        chunked: header("transfer-encoding").is_some_and(|coding| coding == "chunked"),
        length: header("content-length").and_then(|length| length.parse().ok()),
        ended: method == "HEAD",
        headers,
        socket,
        waiting: Vec::new(),
    })
}

impl Answer {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Takes the next piece of the body in.
    fn more(&mut self) -> Result<()> {
        if self.chunked {
            let mut size = String::new();
            self.socket.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).context("the size of a chunk")?;
            let mut chunk = vec![0; size + 2];
            self.socket.read_exact(&mut chunk)?;
            self.ended = size == 0;
            self.waiting.extend_from_slice(&chunk[..size]);
        } else {
            let mut rest = Vec::new();
            self.socket.by_ref().take(self.length.unwrap_or(u64::MAX)).read_to_end(&mut rest)?;
            self.waiting.append(&mut rest);
            self.ended = true;
        }
        Ok(())
    }

    /// The next line of the body; what is left at its end.
    pub(super) fn line(&mut self) -> Result<String> {
        while !self.waiting.contains(&b'\n') && !self.ended {
            self.more()?;
        }
        let end = self.waiting.iter().position(|byte| *byte == b'\n').map_or(self.waiting.len(), |at| at + 1);
        let line: Vec<u8> = self.waiting.drain(..end).collect();
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// The rest of the body.
    pub(super) fn rest(&mut self) -> Result<String> {
        while !self.ended {
            self.more()?;
        }
        Ok(String::from_utf8_lossy(&std::mem::take(&mut self.waiting)).into_owned())
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { letter.into() } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_encoded() {
        assert_eq!(base64(b"root:a:b"), "cm9vdDphOmI=");
        assert_eq!(
            (base64(b"a"), base64(b"ab"), base64(b"abc")),
            ("YQ==".into(), "YWI=".into(), "YWJj".into())
        );
    }
}
