//! `put`: writes a key.

use super::{bad_args, failed, parse_lease_id};
use crate::{
    args::{Command, Failure, Flag, Invocation, Matches},
    ctl::{KEY_VALUE, Session},
};
use oxetcd_api::etcdserverpb::PutRequest;
use std::io::{self, Read as _};

static IGNORE_LEASE: Flag = Flag::switch("ignore-lease", "leave the key with the lease it has");
static IGNORE_VALUE: Flag = Flag::switch("ignore-value", "leave the key with the value it has");
static LEASE: Flag = Flag::text("lease", "0", "lease to tie the key to, by its id in hexadecimal");
static PREV_KV: Flag = Flag::switch("prev-kv", "show the key and value as they were before");

pub(super) static PUT: Command = Command {
    usage: "[options] <key> <value> (<value> can also be given from stdin)",
    long: "
Writes a key.

A <value> that starts with '-' would be read as a flag. Put '--' before it:

$ put <key> -- <value>
$ put -- <key> <value>

Without a <value> argument, and without '--ignore-value', the value is read from standard input to its end.
So this stores a file:

$ cat file | put <key>
",
    group: Some(KEY_VALUE),
    flags: &[&IGNORE_LEASE, &IGNORE_VALUE, &LEASE, &PREV_KV],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("put", "Writes a key")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let request = put_request(&invocation.matches, || {
        let mut value = Vec::new();
        io::stdin().lock().read_to_end(&mut value).map(|_| value)
    })?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    session.show(&client.put(request).await.map_err(failed)?)
}

/// The request that arguments and flags stand for; also used by `txn`. `read` gives a value that is not an argument.
pub(super) fn put_request(
    matches: &Matches,
    read: impl FnOnce() -> io::Result<Vec<u8>>,
) -> Result<PutRequest, Failure> {
    const USAGE: &str = "put command needs 1 argument and input from stdin or 2 arguments";
    let Some(key) = matches.args.first() else { return Err(bad_args(USAGE)) };
    let ignore_value = matches.bool(&IGNORE_VALUE);
    let value = match matches.args.get(1) {
        Some(_) if ignore_value => {
            return Err(bad_args("put command needs only 1 argument when 'ignore-value' is set"));
        }
        Some(value) => value.clone(),
        None if ignore_value => Vec::new(),
        None => match read() {
            Ok(value) if !value.is_empty() => value,
            _ => return Err(bad_args(USAGE)),
        },
    };
    let lease = parse_lease_id(&matches.bytes(&LEASE))
        .map_err(|error| bad_args(format!("bad lease ID ({error}), expecting ID in Hex")))?;
    Ok(PutRequest {
        key: key.clone().into(),
        value: value.into(),
        lease,
        prev_kv: matches.bool(&PREV_KV),
        ignore_value,
        ignore_lease: matches.bool(&IGNORE_LEASE),
    })
}
