//! Requests, a line each:
//!
//! ```text
//! # a comment
//! PUT /v2/keys/foo value=bar&ttl=1000          a form in the body
//! POST /v2/members {"peerURLs":["http://x:1"]} JSON in the body
//! PUT:text/plain /v2/keys/foo value=bar        another kind of body
//! PUT:- /v2/keys/foo value=bar                 a body of no kind
//! ann:pw GET /v2/keys/foo                      with a name and a password
//! @a GET /v2/keys/foo?wait=true                begun; the next line comes when its headers are there
//! read a                                       what it says next, a line of its body
//! end a                                        the rest of it, until its end
//! until 404 GET /v2/keys/foo                   again and again, until it has this status
//! times 1010 PUT /v2/keys/foo value={n}        so often, with the number put in
//! ```
//!
//! `{index}` is the X-Etcd-Index of the last answer, and `{index-N}` one before that, `{index+N}` one after. `{id}` is the
//! server's own id, in hexadecimal.

use anyhow::{Context, Result, bail};

/// What one file says.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) action: Action,
}

/// What a line asks for.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Send { request: Request, times: usize },
    Until { status: u16, request: Request },
    Begin { name: String, request: Request },
    Read { name: String },
    End { name: String },
}

/// A request.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) kind: Option<String>,
    pub(super) body: String,
    pub(super) user: Option<String>,
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

impl Request {
    /// Reads `[USER:PASSWORD] METHOD[:KIND] PATH [BODY]`.
    pub(super) fn parse(text: &str) -> Result<Request> {
        let (mut first, mut rest) = text.split_once(' ').context("a request has a method and a path")?;
        let mut user = None;
        if first.contains(':') && !first.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            user = Some(first.to_owned());
            (first, rest) = rest.split_once(' ').context("a request has a method and a path")?;
        }
        let (path, body) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
        let (method, kind) = match first.split_once(':') {
            Some((method, "-")) => (method, None),
            Some((method, kind)) => (method, Some(kind)),
            None if body.starts_with('{') => (first, Some(JSON)),
            None if body.is_empty() => (first, None),
            None => (first, Some(FORM)),
        };
        if !path.starts_with('/') {
            bail!("{path:?} is no path");
        }
        let (method, kind) = (method.to_owned(), kind.map(str::to_owned));
        Ok(Request { method, path: path.to_owned(), kind, body: body.to_owned(), user })
    }
}

impl Script {
    /// Reads a file.
    pub(super) fn parse(name: &str, text: &str) -> Result<Script> {
        let mut steps = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let text = line.trim();
            if !text.is_empty() && !text.starts_with('#') {
                let action = action(text).with_context(|| format!("line {}: {text}", at + 1))?;
                steps.push(Step { line: at + 1, action });
            }
        }
        Ok(Script { name: name.to_owned(), steps })
    }

    /// How many requests it sends.
    #[cfg(test)]
    pub(super) fn requests(&self) -> usize {
        let count = |step: &Step| match &step.action {
            Action::Send { times, .. } => *times,
            Action::Until { .. } | Action::Begin { .. } => 1,
            Action::Read { .. } | Action::End { .. } => 0,
        };
        self.steps.iter().map(count).sum()
    }
}

fn action(text: &str) -> Result<Action> {
    let (word, rest) = text.split_once(' ').context("a word is not enough")?;
    if let Some(name) = word.strip_prefix('@') {
        return Ok(Action::Begin { name: name.to_owned(), request: Request::parse(rest)? });
    }
    match word {
        "read" => Ok(Action::Read { name: rest.to_owned() }),
        "end" => Ok(Action::End { name: rest.to_owned() }),
        "until" | "times" => {
            let (number, rest) = rest.split_once(' ').context("a number and a request")?;
            let request = Request::parse(rest)?;
            if word == "until" {
                return Ok(Action::Until { status: number.parse()?, request });
            }
            Ok(Action::Send { times: number.parse()?, request })
        }
        _ => Ok(Action::Send { times: 1, request: Request::parse(text)? }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let request = Request::parse("ann:pw PUT:text/plain /v2/keys/a b c").unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v2/keys/a"));
        assert_eq!((request.user.as_deref(), request.kind.as_deref()), (Some("ann:pw"), Some("text/plain")));
        assert_eq!(request.body, "b c");
        assert_eq!(Request::parse("POST /x {}").unwrap().kind.as_deref(), Some(JSON));
        assert_eq!(Request::parse("POST:- /x v").unwrap().kind, None);
        assert!(Request::parse("GET").is_err() && Request::parse("GET x").is_err());
    }
}
