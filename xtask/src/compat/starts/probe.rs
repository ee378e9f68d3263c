//! A plain request to a server, to see what came of its settings.

use super::run::Hosts;
use anyhow::{Context, Result, bail};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    method: String,
    /// `client`, `peer` or `metrics`.
    place: String,
    path: String,
    body: String,
}

impl Probe {
    /// Reads `METHOD WHERE /PATH [BODY]`.
    pub(super) fn parse(text: &str) -> Result<Probe> {
        let mut words = text.splitn(4, ' ').map(str::to_owned);
        let (Some(method), Some(place), Some(path)) = (words.next(), words.next(), words.next()) else {
            bail!("{text:?} is not METHOD WHERE /PATH");
        };
        if !["client", "peer", "metrics"].contains(&place.as_str()) || !path.starts_with('/') {
            bail!("{text:?} is not METHOD client|peer|metrics /PATH");
        }
        Ok(Probe { method, place, path, body: words.next().unwrap_or_default() })
    }

    /// The members.
    pub(super) fn members() -> Probe {
        Probe {
            method: "POST".to_owned(),
            place: "client".to_owned(),
            path: "/v3/cluster/member/list".to_owned(),
            body: "{}".to_owned(),
        }
    }

    /// Asks, and shows the answer's status, its body's first 300 characters and, when asked for from elsewhere, who may read it.
    pub(super) fn ask(&self, hosts: &Hosts) -> String {
        let Probe { method, path, body, .. } = self;
        let shown = match exchange(hosts.address(&self.place), method, path, body) {
            Ok(answer) => alike(&hosts.hide(&answer)),
            // A reset and a refusal are one here: nobody answers.
            Err(_) => "no answer".to_owned(),
        };
        format!("{method} {path}: {shown}")
    }
}

/// Whether a server at `address` answers at all.
pub(super) fn answers(address: SocketAddr) -> bool {
    exchange(address, "GET", "/health", "").is_ok_and(|answer| answer.contains(" 200 "))
}

fn exchange(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://elsewhere:80\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("an answer that is no text, or none in time")?;
    if answer.is_empty() {
        bail!("no answer");
    }
    Ok(answer)
}

/// The parts of an answer that two servers can have in common.
fn alike(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.lines().next().and_then(|line| line.split(' ').nth(1)).unwrap_or("?");
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let allowed = header("access-control-allow-origin");
    // Blanks between the parts of JSON come and go with the release.
    let json = serde_json::from_str::<serde_json::Value>(body);
    let body = json.map_or_else(|_| body.trim().to_owned(), |value| value.to_string());
    // Whom it refuses for the name that it was called by, it tells why in words of its own.
    let body = if status == "421" { String::new() } else { without_ids(&body) };
    let body: String = body.chars().take(300).collect();
    format!("{status} origin={allowed:?} {body}")
}

/// Puts `ID` where many digits are.
fn without_ids(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        let (digits, behind) =
            digits.split_at(digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()));
        shown.push_str(before);
        shown.push_str(if digits.len() > 12 { "ID" } else { digits });
        rest = behind;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_made_alike() {
        let answer = "HTTP/1.1 200 OK\r\nDate: now\r\nAccess-Control-Allow-Origin: *\r\n\r\n{\"id\": 1234567890123, \"n\":\"5\"}\n";
        assert_eq!(alike(answer), r#"200 origin="*" {"id":ID,"n":"5"}"#);
        assert_eq!(alike("HTTP/1.1 421 Misdirected\r\n\r\nwhy"), r#"421 origin="" "#);
    }
}
