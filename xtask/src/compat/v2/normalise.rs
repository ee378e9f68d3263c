//! Answers made comparable: ids, moments, addresses and the order of lists that have none.

use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// An answer, or a piece of one.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) what: String,
    status: u16,
    headers: Vec<String>,
    body: String,
}

impl PartialEq for Record {
    fn eq(&self, other: &Record) -> bool {
        (self.status, &self.headers, &self.body) == (other.status, &other.headers, &other.body)
    }
}

/// Headers that say how an answer is sent, not what.
const FRAMING: [&str; 4] = ["date", "content-length", "transfer-encoding", "connection"];
/// Headers whose values are each cluster's own.
const OWN: [&str; 3] = ["x-etcd-cluster-id", "x-raft-index", "x-raft-term"];
/// Fields whose values are moments, or depend on them; and counters that the servers' own reads move.
const MOMENTS: [&str; 13] = [
    "expiration",
    "startTime",
    "uptime",
    "recvPkgRate",
    "recvBandwidthRate",
    "sendPkgRate",
    "sendBandwidthRate",
    "current",
    "average",
    "minimum",
    "maximum",
    "getsSuccess",
    "getsFail",
];

static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[0-9a-f]{14,16}\b").expect("a regular expression"));

/// Makes the answers of one server comparable.
pub(super) struct Normaliser {
    /// Texts that are the server's own, with what stands for them.
    pub(super) own: Vec<(String, &'static str)>,
}

impl Normaliser {
    pub(super) fn record(
        &self,
        (line, what): (usize, String),
        status: u16,
        headers: &[(String, String)],
        body: &str,
    ) -> Record {
        let shown = headers.iter().filter(|(name, _)| !FRAMING.contains(&name.as_str()));
        let mut headers: Vec<String> = shown
            .map(|(name, value)| match OWN.contains(&name.as_str()) {
                true => format!("{name}: its own"),
                false => format!("{name}: {}", self.text(value)),
            })
            .collect();
        headers.sort();
        let sorted = what.contains("sorted=true");
        let lines: Vec<String> = body.split('\n').map(|line| self.body(line, sorted)).collect();
        Record { line, what, status, headers, body: lines.join("\n") }
    }

    fn text(&self, text: &str) -> String {
        let known = self.own.iter().fold(text.to_owned(), |text, (own, name)| text.replace(own, name));
        ID.replace_all(&known, "ID").into_owned()
    }

    /// One line; JSON keeps the order of its fields.
    fn body(&self, line: &str, sorted: bool) -> String {
        match serde_json::from_str::<Value>(line) {
            Ok(mut value) if value.is_object() => {
                level(&mut value, sorted);
                // The order of fields is told by their places in the text.
                format!("{} as {}", self.text(&value.to_string()), fields(line))
            }
            _ => self.text(line),
        }
    }
}

/// Makes moments and unordered lists alike.
fn level(value: &mut Value, sorted: bool) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if MOMENTS.contains(&name.as_str()) {
                    *value = Value::from("a moment");
                } else if name == "ttl" {
                    *value = Value::from(value.as_i64().unwrap_or(0).signum());
                } else {
                    level(value, sorted);
                }
            }
            if let Some(Value::Array(nodes)) = fields.get_mut("nodes").filter(|_| !sorted) {
                nodes.sort_by_key(|node| node["key"].as_str().unwrap_or_default().to_owned());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| level(value, sorted)),
        _ => {}
    }
}

static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#""(action|node|prevNode|errorCode|message|cause|index|refresh|members|id|name|state|leaderInfo|users|roles|user|role|permissions)":"#).expect("a regular expression")
});

/// Names of the outer fields, in order.
fn fields(line: &str) -> String {
    FIELD.captures_iter(line).map(|found| found[1].to_owned()).collect::<Vec<_>>().join(",")
}

impl Record {
    /// The answer for somebody who looks at it.
    pub(super) fn shown(&self) -> String {
        let mut text = format!("    {}\n", self.status);
        for line in self.headers.iter().map(String::as_str).chain(self.body.split('\n')) {
            text.push_str(&format!("    {line}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: &str, index: &str) -> Record {
        let normaliser = Normaliser { own: vec![("127.0.0.1:9".into(), "CLIENT")] };
        let headers = [("x-etcd-index".to_owned(), index.to_owned()), ("date".to_owned(), body.to_owned())];
        normaliser.record((1, "GET /".into()), 200, &headers, body)
    }

    #[test]
    fn what_may_differ_does_not_count_and_the_rest_does() {
        let a = r#"{"node":{"key":"/a","ttl":9,"nodes":[{"key":"/a/b"},{"key":"/a/c"}]},"id":"00123456789abcde"}"#;
        let b = r#"{"node":{"key":"/a","ttl":8,"nodes":[{"key":"/a/c"},{"key":"/a/b"}]},"id":"fedcba9876543210"}"#;
        assert_eq!(record(a, "1"), record(b, "1"));
        assert_ne!(record(a, "1"), record(a, "2"));
        assert_ne!(record(a, "1"), record(&a.replace("ttl\":9", "ttl\":0"), "1"));
        assert_ne!(record(r#"{"action":"get","node":{}}"#, ""), record(r#"{"node":{},"action":"get"}"#, ""));
    }
}
