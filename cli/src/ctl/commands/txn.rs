//! `txn`: comparisons, and two lists of operations of which one is done.
//!
//! The transaction is read from standard input: comparisons, a blank line, operations, a blank line, operations, a blank
//! line. An operation is a `put`, `get` or `del` command with its flags.

use super::{bad_args, del, failed, get, put};
use crate::{
    args::{Command, Failure, Flag, Invocation, find, parse, usage_text},
    ctl::{KEY_VALUE, Session},
    exit,
    go::{
        number::parse_int,
        scan::{scan_comparison, split_words},
    },
    print::Output,
};
use oxetcd_api::etcdserverpb::{
    Compare, RequestOp, TxnRequest,
    compare::{CompareResult, CompareTarget, TargetUnion},
    request_op::Request,
};
use std::io::{self, BufRead};

static INTERACTIVE: Flag = Flag::switch("interactive", "say what is expected next").short('i');

pub(super) static TXN: Command = Command {
    usage: "[options]",
    long: "Reads a transaction from standard input and applies it as one change.

A transaction has three parts, each ended by a blank line:
1) comparisons,
2) operations to do if all comparisons hold,
3) operations to do if one does not.

Example:

---
etcdctl txn -i
# compares:
mod(\"key1\") > \"0\"

# success requests (get, put, delete):
put key1 \"overwrote-key1\"

# failure requests (get, put, delete):
put key1 \"created-key1\"
put key2 \"some extra key\"
---

What can be compared is mod, create, version, value and lease, by =, !=, < and >.",
    group: Some(KEY_VALUE),
    flags: &[&INTERACTIVE],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("txn", "Does several operations as one change")
};

/// The commands that operations are written as.
static OPERATIONS: Command = Command { commands: &[&del::DEL, &get::GET, &put::PUT], ..Command::new("", "") };

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    if !invocation.matches.args.is_empty() {
        return Err(bad_args("txn command does not accept argument"));
    }
    let interactive = invocation.matches.bool(&INTERACTIVE);
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    let request = read_txn(&mut io::stdin().lock(), &session.out, interactive).await?;
    session.show(&client.txn(request).await.map_err(failed)?)
}

async fn read_txn(input: &mut impl BufRead, out: &Output, interactive: bool) -> Result<TxnRequest, Failure> {
    let prompt = |text: &str| {
        if interactive {
            out.line(text);
            out.flush();
        }
    };
    let mut request = TxnRequest::default();
    prompt("compares:");
    while let Some(line) = read_line(input)? {
        request.compare.push(parse_comparison(&line)?);
    }
    prompt("success requests (get, put, del):");
    while let Some(line) = read_line(input)? {
        request.success.push(parse_operation(&line).await?);
    }
    prompt("failure requests (get, put, del):");
    while let Some(line) = read_line(input)? {
        request.failure.push(parse_operation(&line).await?);
    }
    Ok(request)
}

/// The next line; `None` when it is blank.
fn read_line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line).map_err(invalid)?;
    if line.pop() != Some(b'\n') {
        return Err(invalid("EOF"));
    }
    let line = line.trim_ascii();
    Ok((!line.is_empty()).then(|| line.to_vec()))
}

fn invalid(message: impl ToString) -> Failure {
    Failure::new(exit::INVALID_INPUT, message)
}

/// Reads `target("key") operator "value"`.
fn parse_comparison(line: &[u8]) -> Result<Compare, Failure> {
    let shown = String::from_utf8_lossy(line);
    let Some(at) = line.iter().position(|byte| *byte == b'(') else {
        return Err(invalid(format!("malformed comparison: {shown}")));
    };
    let target = &shown[..shown.find('(').unwrap_or(0)];
    let (fields, complete) = scan_comparison(&line[at + 1..]);
    if !complete {
        return Err(invalid(format!("malformed comparison: {shown}; got {target}{}", fields.describe())));
    }
    let result = match &fields.operator[..] {
        b"=" => CompareResult::Equal,
        b"!=" => CompareResult::NotEqual,
        b">" => CompareResult::Greater,
        b"<" => CompareResult::Less,
        other => {
            let other = String::from_utf8_lossy(other);
            return Err(invalid(format!("malformed comparison: {shown} (unknown operator {other})")));
        }
    };
    let wrong = |_| invalid(format!("invalid txn compare request: {shown}"));
    let number = || parse_int(&fields.value, 10).map_err(wrong);
    let (target, union) = match target {
        "ver" | "version" => (CompareTarget::Version, TargetUnion::Version(number()?)),
        "c" | "create" => (CompareTarget::Create, TargetUnion::CreateRevision(number()?)),
        "m" | "mod" => (CompareTarget::Mod, TargetUnion::ModRevision(number()?)),
        "val" | "value" => (CompareTarget::Value, TargetUnion::Value(fields.value.clone().into())),
        // In hexadecimal, as leases are shown and given everywhere else.
        "lease" => (CompareTarget::Lease, TargetUnion::Lease(parse_int(&fields.value, 16).map_err(wrong)?)),
        _ => return Err(invalid(format!("malformed comparison: {shown} (unknown target {target})"))),
    };
    let key = fields.key.clone().into();
    let (result, target) = (result.into(), target.into());
    Ok(Compare { result, target, key, target_union: Some(union), ..Compare::default() })
}

/// Reads a `put`, `get` or `del` command.
async fn parse_operation(line: &[u8]) -> Result<RequestOp, Failure> {
    let shown = String::from_utf8_lossy(line);
    let wrong = || invalid(format!("invalid txn request: {shown}"));
    let words = split_words(line).map_err(invalid)?;
    if words.len() < 2 {
        return Err(invalid(format!("invalid txn compare request: {shown}")));
    }
    let found = find(&OPERATIONS, &words).map_err(|_| wrong())?;
    let matches = parse(found.command().flags, &found.args).map_err(|_| {
        eprintln!("{}", usage_text(&found.path));
        wrong()
    })?;
    let request = match found.command().name {
        // The rest of standard input is the rest of the transaction: values are not read from it.
        "put" => Request::RequestPut(put::put_request(&matches, || Ok(Vec::new()))?),
        "get" => Request::RequestRange(get::range_request(&matches)?),
        "del" => Request::RequestDeleteRange(del::delete_request(&matches).await?),
        _ => return Err(wrong()),
    };
    Ok(RequestOp { request: Some(request) })
}

#[cfg(test)]
#[path = "txn_tests.rs"]
mod tests;
