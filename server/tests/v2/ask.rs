//! Requests of v2 clients, and answers that come while one waits.

use crate::support::Server;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Longest time that an answer may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// An answer whose headers have come. Its body is read when it is asked for.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    socket: BufReader<TcpStream>,
}

impl Answer {
    /// A header, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A header that is a number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        let value = self.header(name).and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("no number in {name}: {:?}", self.headers))
    }

    /// The next line of the body; `None` at its end.
    pub(crate) fn line(&mut self) -> Option<String> {
        let chunked = self.header("transfer-encoding").is_some();
        if chunked {
            let mut size = String::new();
            self.socket.read_line(&mut size).expect("a chunk");
            let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
            let mut chunk = vec![0; size + 2];
            self.socket.read_exact(&mut chunk).expect("a chunk");
            return (size > 0).then(|| String::from_utf8_lossy(&chunk[..size]).trim_end().to_owned());
        }
        let mut line = String::new();
        self.socket.read_line(&mut line).expect("a line");
        (!line.is_empty()).then(|| line.trim_end().to_owned())
    }

    /// The whole body as text.
    pub(crate) fn text(mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.line() {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// Status and body, which is JSON.
    pub(crate) fn json(self) -> (u16, Value) {
        let (status, text) = (self.status, self.text());
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}")))
    }
}

/// Sends a request with a form for a body, and waits for the headers of the answer.
pub(crate) fn ask(server: &Server, method: &str, path: &str, form: &str) -> Answer {
    ask_as(server, method, path, "application/x-www-form-urlencoded", form)
}

/// The same with another kind of body, and with whatever headers follow the kind.
pub(crate) fn ask_as(server: &Server, method: &str, path: &str, kind: &str, body: &str) -> Answer {
    let endpoint = server.endpoint();
    let mut socket = TcpStream::connect(endpoint).expect("the server listens");
    socket.set_read_timeout(Some(LIMIT)).expect("a time limit");
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n");
    write!(socket, "{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}").expect("sent");
    let mut socket = BufReader::new(socket);
    let mut read = || {
        let mut line = String::new();
        socket.read_line(&mut line).expect("a line of the head");
        line.trim_end().to_owned()
    };
    let first = read();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut headers = Vec::new();
    loop {
        let line = read();
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    Answer { status, headers, socket }
}

/// Status and JSON of an answer to a request with a form.
pub(crate) fn json(server: &Server, method: &str, path: &str, form: &str) -> (u16, Value) {
    ask(server, method, path, form).json()
}
