//! Waiting for one's turn.
//!
//! A waiter watches the key right before its own and no other. So a holder that leaves wakes one waiter, not all.

use crate::{Error, Kv, Session, claim::Claim, ops};
use bytes::Bytes;
use futures::{
    StreamExt,
    future::{Either, select},
};
use oxetcd_api::{
    etcdserverpb::{ResponseHeader, WatchCreateRequest},
    mvccpb::event::EventType,
};
use std::pin::pin;

/// Waits until nobody is before `claim`, and makes sure that its key has survived the wait. Answers with the
/// header of the answer that says so.
pub(crate) async fn wait<K: Kv>(
    session: &Session<K>,
    line: &Bytes,
    claim: &Claim<K>,
) -> Result<ResponseHeader, Error<K::Error>> {
    let waiting = pin!(wait_for_others(session.kv(), line, claim.revision() - 1));
    match select(waiting, pin!(session.done())).await {
        Either::Left((outcome, _)) => outcome?,
        Either::Right(((), _)) => return Err(Error::SessionExpired),
    }
    let found = session.kv().range(ops::get(claim.key().clone())).await?;
    if found.kvs.first().is_none_or(|kv| kv.create_revision != claim.revision()) {
        return Err(Error::SessionExpired);
    }
    Ok(found.header.unwrap_or_default())
}

/// Waits until no key of the line is left that was made at `revision` or before.
async fn wait_for_others<K: Kv>(kv: &K, line: &Bytes, revision: i64) -> Result<(), Error<K::Error>> {
    loop {
        let found = kv.range(ops::last_up_to(line, revision)).await?;
        let Some(before) = found.kvs.into_iter().next() else { return Ok(()) };
        let seen = found.header.map_or(before.mod_revision, |header| header.revision);
        wait_for_deletion(kv, before.key, seen + 1).await?;
    }
}

/// Waits until the key is deleted, at `from` or later. Returns early when history is lost: the caller looks again.
async fn wait_for_deletion<K: Kv>(kv: &K, key: Bytes, from: i64) -> Result<(), Error<K::Error>> {
    let request = WatchCreateRequest { key, start_revision: from, ..WatchCreateRequest::default() };
    let mut changes = kv.watch(request);
    while let Some(change) = changes.next().await {
        let change = change?;
        let deleted = change.events.iter().any(|event| event.r#type() == EventType::Delete);
        if deleted || change.compact_revision != 0 {
            return Ok(());
        }
    }
    Err(Error::WatchLost)
}
