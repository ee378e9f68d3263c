//! One watch through broken connections, on paper.

use super::*;
use oxetcd_api::mvccpb::{Event, KeyValue};
use proptest::prelude::*;

fn header(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { revision, ..ResponseHeader::default() })
}

fn event(revision: i64) -> Event {
    Event { kv: Some(KeyValue { mod_revision: revision, ..KeyValue::default() }), ..Event::default() }
}

fn created(id: i64, revision: i64) -> WatchResponse {
    WatchResponse { header: header(revision), watch_id: id, created: true, ..WatchResponse::default() }
}

fn events(id: i64, revisions: &[i64]) -> WatchResponse {
    let last = revisions.last().copied().unwrap_or_default();
    let events = revisions.iter().map(|revision| event(*revision)).collect();
    WatchResponse { header: header(last), watch_id: id, events, ..WatchResponse::default() }
}

fn asked_from(action: &Option<Action>) -> Option<i64> {
    match action {
        Some(Action::Send(WatchRequest { request_union: Some(RequestUnion::CreateRequest(request)) })) => {
            Some(request.start_revision)
        }
        _ => None,
    }
}

fn delivered(actions: &[Action], wanted: u64) -> Vec<i64> {
    let of = |action: &Action| match action {
        Action::Deliver(key, update) if *key == wanted => {
            update.response.events.iter().filter_map(|e| e.kv.as_ref()).map(|kv| kv.mod_revision).collect()
        }
        _ => Vec::new(),
    };
    actions.iter().flat_map(of).collect()
}

#[test]
fn watches_are_asked_for_one_after_the_other() {
    let mut session = Session::default();
    assert_eq!(asked_from(&session.create(0, WatchCreateRequest::default())), Some(0));
    assert_eq!(session.create(1, WatchCreateRequest { start_revision: 7, ..Default::default() }), None);
    let actions = session.received(created(5, 10));
    assert_eq!(asked_from(&actions.into_iter().next()), Some(7));
    assert!(session.received(created(6, 10)).is_empty());
    assert_eq!(delivered(&session.received(events(6, &[11])), 1), [11]);
}

#[test]
fn a_refused_watch_ends_and_the_next_one_starts() {
    let mut session = Session::default();
    session.create(0, WatchCreateRequest::default());
    session.create(1, WatchCreateRequest::default());
    let reason = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
    let refusal = WatchResponse { canceled: true, cancel_reason: reason.into(), ..created(-1, 3) };
    let actions = session.received(refusal);
    let Action::Deliver(0, update) = &actions[0] else { panic!("{actions:?}") };
    assert_eq!(update.error.as_ref().map(ToString::to_string).as_deref(), Some(reason));
    assert_eq!(actions[1], Action::End(0));
    assert!(matches!(actions[2], Action::Send(_)));
}

#[test]
fn compaction_ends_a_watch_with_its_revision() {
    let mut session = Session::default();
    session.create(0, WatchCreateRequest { start_revision: 2, ..Default::default() });
    session.received(created(0, 9));
    let lost = WatchResponse { canceled: true, compact_revision: 5, ..WatchResponse::default() };
    let actions = session.received(lost);
    let Action::Deliver(0, update) = &actions[0] else { panic!("{actions:?}") };
    assert_eq!((update.response.compact_revision, &update.error), (5, &Some(Error::etcd(error::COMPACTED))));
    assert!(session.watches.is_empty());
}

#[test]
fn fragments_are_put_together() {
    let mut session = Session::default();
    session.create(0, WatchCreateRequest::default());
    session.received(created(0, 1));
    let first = WatchResponse { fragment: true, ..events(0, &[2, 2]) };
    assert!(session.received(first).is_empty());
    assert_eq!(delivered(&session.received(events(0, &[2])), 0), [2, 2, 2]);
}

#[test]
fn progress_of_all_reaches_all_and_moves_their_start() {
    let mut session = Session::default();
    for key in 0..2 {
        session.create(key, WatchCreateRequest::default());
    }
    session.received(created(0, 1));
    session.received(created(1, 1));
    let progress = WatchResponse { header: header(40), watch_id: -1, ..WatchResponse::default() };
    assert_eq!(session.received(progress).len(), 2);
    assert_eq!(asked_from(&session.connected()), Some(41));
}

#[test]
fn a_watch_dropped_while_it_is_created_is_cancelled_then() {
    let mut session = Session::default();
    session.create(0, WatchCreateRequest::default());
    assert_eq!(session.cancel(0), None);
    assert_eq!(session.received(created(4, 1)), [cancel_request(4)]);
}

/// Servers tell watches of a revision that is yet to come how far they are, too.
#[test]
fn progress_does_not_pull_a_watch_back_before_its_start() {
    let mut session = Session::default();
    session.create(0, WatchCreateRequest { start_revision: 9, ..Default::default() });
    session.received(created(4, 1));
    session.received(WatchResponse { header: header(3), watch_id: 4, ..Default::default() });
    assert_eq!(asked_from(&session.connected()), Some(9));
}

proptest! {
    /// Against a server with a history of one event a revision: whatever the moments of disconnection, a watch
    /// receives each revision from its start on once, in order.
    #[test]
    fn no_event_is_lost_or_doubled(
        from in 0i64..5,
        steps in prop::collection::vec((1i64..6, prop::bool::ANY, prop::bool::ANY), 1..40),
    ) {
        let mut session = Session::default();
        let mut head = 5;
        let mut next = asked_from(&session.create(0, WatchCreateRequest { start_revision: from, ..Default::default() }));
        let mut got = Vec::new();
        let first = if from == 0 { head + 1 } else { from };
        for (id, (grow, disconnect, progress)) in (1..).zip(steps) {
            if disconnect {
                next = asked_from(&session.connected());
            }
            if let Some(asked) = next.take() {
                session.received(created(id, head));
                // What a server that has everything sends first: all that there is already.
                let start = if asked == 0 { head + 1 } else { asked };
                let old: Vec<_> = (start..=head).collect();
                if !old.is_empty() {
                    got.extend(delivered(&session.received(events(id, &old)), 0));
                }
                next = None;
                let new: Vec<_> = (head + 1..=head + grow).collect();
                head += grow;
                got.extend(delivered(&session.received(events(id, &new)), 0));
                if progress {
                    session.received(WatchResponse { header: header(head), watch_id: id, ..Default::default() });
                }
            } else {
                // The stream is broken for the client or the events are under way: the server goes on.
                head += grow;
                next = asked_from(&session.connected());
            }
        }
        let expected: Vec<_> = (first..).take(got.len()).collect();
        prop_assert_eq!(got, expected);
    }
}
