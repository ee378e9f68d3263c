//! `del`: deletes keys.

use super::{bad_args, failed, get::key_range};
use crate::{
    args::{Command, Failure, Flag, Invocation, Matches},
    ctl::{KEY_VALUE, Session},
    go::quote::quote,
};
use oxetcd_api::etcdserverpb::DeleteRangeRequest;
use std::time::Duration;

/// Time to think again about a range that `--range` does not confirm.
const SECOND_THOUGHTS: Duration = Duration::from_secs(2);

static FROM_KEY: Flag = Flag::switch("from-key", "delete all keys from this one on, in byte order");
static PREFIX: Flag = Flag::switch("prefix", "delete all keys that start with this one");
static PREV_KV: Flag = Flag::switch("prev-kv", "show the keys and values that were deleted");
static RANGE: Flag = Flag::switch("range", "delete a range of keys without waiting");

pub(super) static DEL: Command = Command {
    usage: "[options] <key> [range_end]",
    group: Some(KEY_VALUE),
    flags: &[&FROM_KEY, &PREFIX, &PREV_KV, &RANGE],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("del", "Deletes a key or the keys in [key, range_end)")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let request = delete_request(&invocation.matches).await?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    session.show(&client.delete_range(request).await.map_err(failed)?)
}

/// The request that arguments and flags stand for; also used by `txn`. Waits before a range that is not confirmed.
pub(super) async fn delete_request(matches: &Matches) -> Result<DeleteRangeRequest, Failure> {
    let (prefix, from_key) = (matches.bool(&PREFIX), matches.bool(&FROM_KEY));
    let (key, end) = match &matches.args[..] {
        [key] => (key, None),
        [key, end] => (key, Some(end)),
        _ => {
            let usage = "del command needs one argument as key and an optional argument as range_end";
            return Err(bad_args(usage));
        }
    };
    if prefix && from_key {
        return Err(bad_args("`--prefix` and `--from-key` cannot be set at the same time, choose one"));
    }
    if let Some(end) = end {
        if prefix || from_key {
            return Err(bad_args(
                "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
            ));
        }
        if !matches.bool(&RANGE) {
            eprintln!(
                "Warning: Keys between {} and {} will be deleted. Please interrupt the command within next 2 \
                 seconds to cancel. You can provide `--range` flag to avoid the delay.",
                quote(key),
                quote(end)
            );
            tokio::time::sleep(SECOND_THOUGHTS).await;
        }
    }
    let (key, range_end) = key_range(key, end.map(Vec::as_slice), prefix, from_key);
    Ok(DeleteRangeRequest { key, range_end, prev_kv: matches.bool(&PREV_KV) })
}
