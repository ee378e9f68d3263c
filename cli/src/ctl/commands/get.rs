//! `get`: reads keys.

use super::{bad_args, failed, is_serializable};
use crate::{
    args::{Command, Failure, Flag, Invocation, Matches},
    ctl::{KEY_VALUE, Session},
    exit,
    print::Format,
};
use bytes::Bytes;
use oxetcd_api::{
    KeyRange,
    etcdserverpb::{
        RangeRequest,
        range_request::{SortOrder, SortTarget},
    },
};
use oxetcd_client::Client;

static CONSISTENCY: Flag =
    Flag::text("consistency", "l", "l: linearizable, the newest state; s: serializable, what the member has")
        .choices(&["l", "s"]);
static COUNT_ONLY: Flag = Flag::switch("count-only", "get only the number of keys");
static FROM_KEY: Flag = Flag::switch("from-key", "get all keys from this one on, in byte order");
static KEYS_ONLY: Flag = Flag::switch("keys-only", "get keys without their values");
static LIMIT: Flag = Flag::int("limit", "get this many keys at most");
static MAX_CREATE_REV: Flag = Flag::int("max-create-rev", "get keys created at this revision at the latest");
static MAX_MOD_REV: Flag = Flag::int("max-mod-rev", "get keys changed last at this revision at the latest");
static MIN_CREATE_REV: Flag =
    Flag::int("min-create-rev", "get keys created at this revision at the earliest");
static MIN_MOD_REV: Flag = Flag::int("min-mod-rev", "get keys changed last at this revision at the earliest");
static ORDER: Flag = Flag::text("order", "", "order of the keys: ASCEND or DESCEND (ascending if not given)")
    .choices(&["ASCEND", "DESCEND"]);
static PREFIX: Flag = Flag::switch("prefix", "get all keys that start with this one");
static PRINT_VALUE_ONLY: Flag =
    Flag::switch("print-value-only", "show values without their keys, in the format \"simple\"");
static REV: Flag = Flag::int("rev", "get the state at this revision");
static SORT_BY: Flag = Flag::text("sort-by", "", "what to sort by: CREATE, KEY, MODIFY, VALUE, or VERSION")
    .choices(&["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"]);
static STREAM: Flag = Flag::switch("stream", "get the keys in pieces, with the RangeStream call");

pub(super) static GET: Command = Command {
    usage: "[options] <key> [range_end]",
    group: Some(KEY_VALUE),
    flags: &[
        &CONSISTENCY,
        &COUNT_ONLY,
        &FROM_KEY,
        &KEYS_ONLY,
        &LIMIT,
        &MAX_CREATE_REV,
        &MAX_MOD_REV,
        &MIN_CREATE_REV,
        &MIN_MOD_REV,
        &ORDER,
        &PREFIX,
        &PRINT_VALUE_ONLY,
        &REV,
        &SORT_BY,
        &STREAM,
    ],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("get", "Reads a key or a range of keys")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let request = range_request(&invocation.matches)?;
    let mut session = Session::begin(invocation)?;
    let matches = &invocation.matches;
    let client = session.connect_briefly().await?;
    let checked = check_format(matches, &mut session);
    if matches.bool(&STREAM) {
        return stream(&client, request, &session, checked).await;
    }
    let answer = client.range(request).await.map_err(failed)?;
    checked?;
    session.show(&answer)
}

/// Shows pieces as they come where the format allows it; the others put everything together first.
async fn stream(
    client: &Client,
    request: RangeRequest,
    session: &Session,
    checked: Result<(), Failure>,
) -> Result<(), Failure> {
    let mut pieces = client.range_stream(request).await.map_err(failed)?;
    if session.style.format != Format::Simple || checked.is_err() {
        let answer = pieces.collect().await.map_err(failed)?;
        checked?;
        return session.show(&answer);
    }
    while let Some(piece) = pieces.next().await.map_err(failed)? {
        session.show(&piece)?;
    }
    Ok(())
}

/// Flags that only go with one format. The answer is waited for first, as etcdctl always did.
fn check_format(matches: &Matches, session: &mut Session) -> Result<(), Failure> {
    if matches.bool(&COUNT_ONLY) && session.style.format != Format::Fields {
        return Err(bad_args("--count-only is only for `--write-out=fields`"));
    }
    if matches.bool(&PRINT_VALUE_ONLY) {
        if session.style.format != Format::Simple {
            return Err(bad_args("print-value-only is only for `--write-out=simple`"));
        }
        session.style.value_only = true;
    }
    Ok(())
}

/// The request that arguments and flags stand for; also used by `txn`.
pub(super) fn range_request(matches: &Matches) -> Result<RangeRequest, Failure> {
    let (prefix, from_key) = (matches.bool(&PREFIX), matches.bool(&FROM_KEY));
    let Some(key) = matches.args.first() else {
        return Err(bad_args("get command needs one argument as key and an optional argument as range_end"));
    };
    if prefix && from_key {
        return Err(bad_args("`--prefix` and `--from-key` cannot be set at the same time, choose one"));
    }
    let (keys_only, count_only) = (matches.bool(&KEYS_ONLY), matches.bool(&COUNT_ONLY));
    if keys_only && count_only {
        return Err(bad_args("`--keys-only` and `--count-only` cannot be set at the same time, choose one"));
    }
    let serializable = is_serializable(&matches.text(&CONSISTENCY))?;
    let end = matches.args.get(1);
    if end.is_some() && (prefix || from_key) {
        return Err(bad_args(
            "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
        ));
    }
    let (key, range_end) = key_range(key, end.map(Vec::as_slice), prefix, from_key);
    let (sort_order, sort_target) = sorting(matches)?;
    let positive = |flag| matches.int(flag).max(0);
    let request = RangeRequest {
        key,
        range_end,
        limit: matches.int(&LIMIT),
        revision: positive(&REV),
        sort_order: sort_order.into(),
        sort_target: sort_target.into(),
        serializable,
        keys_only,
        count_only,
        min_mod_revision: positive(&MIN_MOD_REV),
        max_mod_revision: positive(&MAX_MOD_REV),
        min_create_revision: positive(&MIN_CREATE_REV),
        max_create_revision: positive(&MAX_CREATE_REV),
    };
    for (name, flag, min, max) in [
        (
            "CreateRev",
            (&MIN_CREATE_REV, &MAX_CREATE_REV),
            request.min_create_revision,
            request.max_create_revision,
        ),
        ("ModRev", (&MIN_MOD_REV, &MAX_MOD_REV), request.min_mod_revision, request.max_mod_revision),
    ] {
        if max > 0 && min > max {
            let (min, max) = (matches.int(flag.0), matches.int(flag.1));
            let message = format!("getMin{name}(={min}) > getMax{name}(={max})");
            return Err(Failure::new(exit::BAD_FEATURE, message));
        }
    }
    Ok(request)
}

fn sorting(matches: &Matches) -> Result<(SortOrder, SortTarget), Failure> {
    let wrong = |what: &str, given: &str| Failure::new(exit::BAD_FEATURE, format!("bad sort {what} {given}"));
    let given = matches.text(&ORDER);
    let order = match given.to_uppercase().as_str() {
        "" => SortOrder::None,
        "ASCEND" => SortOrder::Ascend,
        "DESCEND" => SortOrder::Descend,
        _ => return Err(wrong("order", &given)),
    };
    let given = matches.text(&SORT_BY);
    let target = match given.to_uppercase().as_str() {
        "" | "KEY" => SortTarget::Key,
        "CREATE" => SortTarget::Create,
        "MODIFY" => SortTarget::Mod,
        "VALUE" => SortTarget::Value,
        "VERSION" => SortTarget::Version,
        _ => return Err(wrong("target", &given)),
    };
    // Servers read keys in ascending order anyway; asked to sort, they would read all of them first.
    let natural = target == SortTarget::Key && order == SortOrder::Ascend;
    Ok((if natural { SortOrder::None } else { order }, target))
}

/// Key and end of a range, in the wire's form.
pub(super) fn key_range(key: &[u8], end: Option<&[u8]>, prefix: bool, from_key: bool) -> (Bytes, Bytes) {
    const FIRST: Bytes = Bytes::from_static(&[0]);
    let key = Bytes::copy_from_slice(key);
    match end {
        _ if key.is_empty() && (prefix || from_key) => (FIRST, FIRST),
        _ if from_key => (key, FIRST),
        _ if prefix => match KeyRange::prefix(key) {
            KeyRange::Between(key, end) => (key, end),
            KeyRange::From(key) | KeyRange::Single(key) => (key, FIRST),
        },
        Some(end) => (key, Bytes::copy_from_slice(end)),
        None => (key, Bytes::new()),
    }
}
