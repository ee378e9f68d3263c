//! Golden scripts: commands, each with the answer that the official etcd 3.7.1 gives.
//!
//! A paragraph is a command (a transaction goes over several lines, nested ones by indentation), `----`, and
//! the answer. Words: `+flag`, `name=value`, the rest are keys and values in order; `\0` is a zero byte and
//! `\e` an empty string. Files can be made afresh with `REWRITE=1`.

use super::World;
use bytes::Bytes;
use oxetcd_api::{
    etcdserverpb::{self as pb, request_op::Request, response_op::Response},
    mvccpb::KeyValue,
};
use pb::compare::{CompareResult, CompareTarget, TargetUnion};
use std::fmt::Write;

/// One paragraph.
pub struct Paragraph {
    pub comments: Vec<String>,
    pub command: Vec<String>,
    pub answer: String,
}

pub fn parse(text: &str) -> Vec<Paragraph> {
    text.trim_matches('\n').split("\n\n").map(paragraph).collect()
}

fn paragraph(text: &str) -> Paragraph {
    let (comments, rest): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with('#'));
    let mut parts = rest.split(|line| *line == "----");
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let command = owned(parts.next().unwrap_or_default());
    let answer = parts.next().unwrap_or_default().iter().map(|line| format!("{line}\n")).collect();
    Paragraph { comments: owned(&comments), command, answer }
}

pub fn print(paragraphs: &[Paragraph]) -> String {
    let print = |paragraph: &Paragraph| {
        let mut out: String = paragraph.comments.iter().map(|line| format!("{line}\n")).collect();
        if !paragraph.command.is_empty() {
            out += &format!("{}\n----\n{}", paragraph.command.join("\n"), paragraph.answer);
        }
        out
    };
    paragraphs.iter().map(print).collect::<Vec<_>>().join("\n")
}

/// Runs a command. The world is taken and given back, because a restart replaces it.
pub fn run(mut world: World, command: &[String]) -> (World, String) {
    let words: Vec<&str> = command[0].split_whitespace().collect();
    let words = Words::new(&words[1..]);
    let number = || words.plain(0).parse().expect("a number");
    let answer = match command[0].split(' ').next().unwrap_or_default() {
        "get" => world.range(&range(&words)).map(|response| show_range(&response, "")),
        "put" => world.put(&put(&words)).map(|response| show_put(&response, "")),
        "del" => world.delete(&delete(&words)).map(|response| show_delete(&response, "")),
        "txn" => world.txn(&txn(&command[1..])).map(|response| show_txn(&response, "")),
        "compact" => world.compact(number()).map(|revision| format!("compact rev={revision}\n")),
        "hashkv" => world.store.hash_kv(number()).map_err(super::words).map(|(hash, current)| {
            let (compact, revision) = (hash.compact_revision, hash.revision);
            format!("hash={} compact={compact} hash_rev={revision} rev={current}\n", hash.hash)
        }),
        "grant" => {
            world.leases.granted.insert(number());
            Ok("ok\n".into())
        }
        "restart" => {
            world = world.reopen();
            Ok("ok\n".into())
        }
        other => panic!("no command {other}"),
    };
    (world, answer.unwrap_or_else(|error| format!("error: {error}\n")))
}

struct Words<'a>(&'a [&'a str]);

impl<'a> Words<'a> {
    fn new(words: &'a [&'a str]) -> Self {
        Words(words)
    }

    fn plain(&self, at: usize) -> &'a str {
        let mut plain = self.0.iter().filter(|word| !word.starts_with('+') && !word.contains('='));
        plain.nth(at).copied().unwrap_or_default()
    }

    fn bytes(&self, at: usize) -> Bytes {
        unescape(self.plain(at))
    }

    fn named(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    fn number(&self, name: &str) -> i64 {
        self.named(name).map_or(0, |value| value.parse().expect("a number"))
    }

    fn flag(&self, name: &str) -> bool {
        self.0.iter().any(|word| word.strip_prefix('+') == Some(name))
    }
}

fn unescape(word: &str) -> Bytes {
    word.replace("\\0", "\0").replace("\\e", "").into_bytes().into()
}

fn range(words: &Words<'_>) -> pb::RangeRequest {
    use pb::range_request::{SortOrder, SortTarget};
    let order = match words.named("order") {
        Some("asc") => SortOrder::Ascend,
        Some("desc") => SortOrder::Descend,
        _ => SortOrder::None,
    };
    let target = match words.named("target") {
        Some("version") => SortTarget::Version,
        Some("create") => SortTarget::Create,
        Some("mod") => SortTarget::Mod,
        Some("value") => SortTarget::Value,
        _ => SortTarget::Key,
    };
    pb::RangeRequest {
        key: words.bytes(0),
        range_end: words.bytes(1),
        limit: words.number("limit"),
        revision: words.number("rev"),
        sort_order: order.into(),
        sort_target: target.into(),
        serializable: false,
        keys_only: words.flag("keys_only"),
        count_only: words.flag("count_only"),
        min_mod_revision: words.number("min_mod"),
        max_mod_revision: words.number("max_mod"),
        min_create_revision: words.number("min_create"),
        max_create_revision: words.number("max_create"),
    }
}

fn put(words: &Words<'_>) -> pb::PutRequest {
    pb::PutRequest {
        key: words.bytes(0),
        value: words.bytes(1),
        lease: words.number("lease"),
        prev_kv: words.flag("prev_kv"),
        ignore_value: words.flag("ignore_value"),
        ignore_lease: words.flag("ignore_lease"),
    }
}

fn delete(words: &Words<'_>) -> pb::DeleteRangeRequest {
    pb::DeleteRangeRequest { key: words.bytes(0), range_end: words.bytes(1), prev_kv: words.flag("prev_kv") }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn txn(lines: &[String]) -> pb::TxnRequest {
    let mut request = pb::TxnRequest::default();
    let mut at = 0;
    while at < lines.len() {
        let line = &lines[at];
        let nested = lines[at + 1..].iter().take_while(|below| indent(below) > indent(line)).count();
        let block = &lines[at + 1..at + 1 + nested];
        at += 1 + nested;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "if" => request.compare.push(compare(&words[1..])),
            "then" => request.success.push(operation(&words[1..], block)),
            "else" => request.failure.push(operation(&words[1..], block)),
            other => panic!("no part {other} of a transaction"),
        }
    }
    request
}

/// `target key [end] op value`
fn compare(words: &[&str]) -> pb::Compare {
    let (value, result) = (words[words.len() - 1], words[words.len() - 2]);
    let number = || value.parse().expect("a number");
    let (target, union) = match words[0] {
        "version" => (CompareTarget::Version, TargetUnion::Version(number())),
        "create" => (CompareTarget::Create, TargetUnion::CreateRevision(number())),
        "mod" => (CompareTarget::Mod, TargetUnion::ModRevision(number())),
        "lease" => (CompareTarget::Lease, TargetUnion::Lease(number())),
        "value" => (CompareTarget::Value, TargetUnion::Value(unescape(value))),
        other => panic!("no target {other}"),
    };
    let result = match result {
        "=" => CompareResult::Equal,
        "!=" => CompareResult::NotEqual,
        ">" => CompareResult::Greater,
        "<" => CompareResult::Less,
        other => panic!("no operator {other}"),
    };
    let range_end = if words.len() == 5 { unescape(words[2]) } else { Bytes::new() };
    pb::Compare {
        result: result.into(),
        target: target.into(),
        key: unescape(words[1]),
        range_end,
        target_union: Some(union),
    }
}

fn operation(words: &[&str], block: &[String]) -> pb::RequestOp {
    let arguments = Words::new(&words[1..]);
    let request = match words[0] {
        "get" => Request::RequestRange(range(&arguments)),
        "put" => Request::RequestPut(put(&arguments)),
        "del" => Request::RequestDeleteRange(delete(&arguments)),
        "txn" => Request::RequestTxn(txn(block)),
        other => panic!("no operation {other}"),
    };
    pb::RequestOp { request: Some(request) }
}

fn revision(header: Option<&pb::ResponseHeader>) -> i64 {
    header.expect("every answer has a header").revision
}

fn escape(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\\0")
}

fn show(kv: &KeyValue) -> String {
    let (key, value) = (escape(&kv.key), escape(&kv.value));
    let (created, modified, version) = (kv.create_revision, kv.mod_revision, kv.version);
    let lease = if kv.lease == 0 { String::new() } else { format!(" lease={}", kv.lease) };
    format!("{key} create={created} mod={modified} version={version} value={value}{lease}")
}

fn show_range(response: &pb::RangeResponse, indent: &str) -> String {
    let more = if response.more { " more" } else { "" };
    let revision = revision(response.header.as_ref());
    let mut out = format!("{indent}range rev={revision} count={}{more}\n", response.count);
    for kv in &response.kvs {
        let _ = writeln!(out, "{indent}  {}", show(kv));
    }
    out
}

fn show_put(response: &pb::PutResponse, indent: &str) -> String {
    let mut out = format!("{indent}put rev={}\n", revision(response.header.as_ref()));
    if let Some(kv) = &response.prev_kv {
        let _ = writeln!(out, "{indent}  prev {}", show(kv));
    }
    out
}

fn show_delete(response: &pb::DeleteRangeResponse, indent: &str) -> String {
    let revision = revision(response.header.as_ref());
    let mut out = format!("{indent}del rev={revision} deleted={}\n", response.deleted);
    for kv in &response.prev_kvs {
        let _ = writeln!(out, "{indent}  prev {}", show(kv));
    }
    out
}

fn show_txn(response: &pb::TxnResponse, indent: &str) -> String {
    let outcome = if response.succeeded { "succeeded" } else { "failed" };
    let mut out = format!("{indent}txn rev={} {outcome}\n", revision(response.header.as_ref()));
    let deeper = format!("{indent}  ");
    for operation in &response.responses {
        out += &match &operation.response {
            Some(Response::ResponseRange(response)) => show_range(response, &deeper),
            Some(Response::ResponsePut(response)) => show_put(response, &deeper),
            Some(Response::ResponseDeleteRange(response)) => show_delete(response, &deeper),
            Some(Response::ResponseTxn(response)) => show_txn(response, &deeper),
            None => format!("{deeper}empty\n"),
        };
    }
    out
}
