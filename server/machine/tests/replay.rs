//! The machine's promise: whatever is lost between two commits, replaying the log from the applied index leads
//! to the same state.

use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    AlarmRequest, CompactionRequest, DeleteRangeRequest, InternalRaftRequest, LeaseGrantRequest,
    LeaseRevokeRequest, PutRequest, RequestHeader, RequestOp, TxnRequest, request_op::Request,
};
use oxetcd_lease::LeaseConfig;
use oxetcd_machine::{ApplyError, Machine, Response, meta::Applied};
use oxetcd_storage::{Buffer, Durability, Engine, Memory};
use proptest::prelude::*;
use prost::Message;
use std::sync::Arc;

type Outcome = Result<(), TestCaseError>;

fn key(number: u8) -> Bytes {
    Bytes::from(format!("k{}", number % 8))
}

fn put(number: u8, value: u8, lease: i64) -> PutRequest {
    PutRequest { key: key(number), value: vec![value; 3].into(), lease, ..Default::default() }
}

/// Requests of every kind that changes something; many of them will be refused.
fn request() -> impl Strategy<Value = InternalRaftRequest> {
    let none = InternalRaftRequest::default;
    prop_oneof![
        6 => (any::<u8>(), any::<u8>(), 0..4i64).prop_map(move |(k, v, lease)| {
            InternalRaftRequest { put: Some(put(k, v, lease)), ..none() }
        }),
        2 => any::<u8>().prop_map(move |k| {
            let delete = DeleteRangeRequest { key: key(k), range_end: key(k.wrapping_add(2)), prev_kv: false };
            InternalRaftRequest { delete_range: Some(delete), ..none() }
        }),
        2 => (any::<u8>(), any::<u8>()).prop_map(move |(k, v)| {
            let op = RequestOp { request: Some(Request::RequestPut(put(k, v, 0))) };
            InternalRaftRequest { txn: Some(TxnRequest { success: vec![op], ..Default::default() }), ..none() }
        }),
        2 => (1..4i64).prop_map(move |id| {
            InternalRaftRequest { lease_grant: Some(LeaseGrantRequest { id, ttl: 60 }), ..none() }
        }),
        1 => (1..4i64).prop_map(move |id| {
            InternalRaftRequest { lease_revoke: Some(LeaseRevokeRequest { id }), ..none() }
        }),
        1 => (0..30i64).prop_map(move |revision| {
            let compaction = CompactionRequest { revision, physical: false };
            InternalRaftRequest { compaction: Some(compaction), ..none() }
        }),
        1 => (0..3i32, 1..3i32).prop_map(move |(action, alarm)| {
            let alarm = AlarmRequest { action, alarm, member_id: 1 };
            InternalRaftRequest { alarm: Some(alarm), ..none() }
        }),
    ]
}

fn open(engine: &Arc<dyn Engine>) -> Machine {
    let buffer = Arc::new(Buffer::new(engine.clone()));
    Machine::open(buffer, LeaseConfig::default()).expect("memory can be read").0
}

fn apply(machine: &Machine, log: &[Bytes], from: u64) {
    for (index, data) in (1..).zip(log).skip(from as usize) {
        let mut turn = machine.begin(1);
        let _ =
            turn.apply(Applied { index, term: 1 }, data.clone(), &|_| true).expect("memory does not fail");
    }
}

/// All that a member could be asked for.
fn state(machine: &Machine) -> (i64, i64, u32, Vec<i64>, usize, Applied) {
    let store = machine.store();
    let hash = store.hash_kv(0).expect("memory can be read").0;
    let leases = machine.leases().lock();
    let mut ids = leases.list();
    ids.sort_unstable();
    let alarms = machine.alarms().list(None).len();
    let applied = machine.applied().expect("memory can be read");
    (store.revision(), store.compacted(), hash.hash, ids, alarms + leases.attached_len(), applied)
}

proptest! {
    #[test]
    fn a_crash_anywhere_changes_nothing(
        requests in prop::collection::vec(request(), 1..60),
        commit_at in any::<prop::sample::Index>(),
        crash_at in any::<prop::sample::Index>(),
    ) {
        let log: Vec<Bytes> = requests.iter().map(|request| request.encode_to_vec().into()).collect();
        let whole = open(&(Arc::new(Memory::new()) as Arc<dyn Engine>));
        apply(&whole, &log, 0);

        let engine: Arc<dyn Engine> = Arc::new(Memory::new());
        let crash_at = crash_at.index(log.len() + 1);
        let commit_at = commit_at.index(crash_at + 1);
        let machine = open(&engine);
        apply(&machine, &log[..commit_at], 0);
        machine.buffer().commit(Durability::Synced).expect("memory does not fail");
        apply(&machine, &log[..crash_at], commit_at as u64);
        drop(machine);

        let again = open(&engine);
        let applied = again.applied().expect("memory can be read").index;
        prop_assert_eq!(applied, commit_at as u64);
        apply(&again, &log, applied);
        // A compaction's own work is the server's: run what either has left before comparing.
        prop_assert_eq!(state(&again), state(&whole));
        holds(&again)?;
    }
}

/// Every leased key hangs on a lease that exists.
fn holds(machine: &Machine) -> Outcome {
    let leases = machine.leases().lock();
    for id in leases.list() {
        for key in leases.keys(id).unwrap_or_default() {
            prop_assert_eq!(leases.lease_of(key), Some(id));
        }
    }
    Ok(())
}

fn ask(machine: &Machine, index: u64, request: InternalRaftRequest) -> Result<Response, ApplyError> {
    let header = Some(RequestHeader { id: 100 + index, ..Default::default() });
    let data = InternalRaftRequest { header, ..request }.encode_to_vec();
    let mut turn = machine.begin(1);
    let applied = turn.apply(Applied { index, term: 1 }, data.into(), &|_| true);
    let (id, outcome, _) = applied.expect("memory does not fail");
    assert_eq!(id, 100 + index, "the answer is for who asked");
    outcome
}

#[test]
fn a_full_member_still_deletes_and_revokes() {
    let machine = open(&(Arc::new(Memory::new()) as Arc<dyn Engine>));
    let none = InternalRaftRequest::default;
    let alarm = |action| AlarmRequest { action, alarm: 1, member_id: 1 };
    let grant = || InternalRaftRequest { lease_grant: Some(LeaseGrantRequest { id: 1, ttl: 9 }), ..none() };
    let put_one = || InternalRaftRequest { put: Some(put(1, 1, 0)), ..none() };
    assert!(ask(&machine, 1, grant()).is_ok() && ask(&machine, 2, put_one()).is_ok());
    assert!(ask(&machine, 3, InternalRaftRequest { alarm: Some(alarm(1)), ..none() }).is_ok());
    assert!(matches!(ask(&machine, 4, put_one()), Err(ApplyError::NoSpace)));
    assert!(matches!(ask(&machine, 5, grant()), Err(ApplyError::NoSpace)));
    let delete = DeleteRangeRequest { key: key(1), ..Default::default() };
    assert!(ask(&machine, 6, InternalRaftRequest { delete_range: Some(delete), ..none() }).is_ok());
    let revoke = InternalRaftRequest { lease_revoke: Some(LeaseRevokeRequest { id: 1 }), ..none() };
    assert!(ask(&machine, 7, revoke).is_ok());
    assert!(ask(&machine, 8, InternalRaftRequest { alarm: Some(alarm(2)), ..none() }).is_ok());
    assert!(ask(&machine, 9, put_one()).is_ok());
}

#[test]
fn revoking_a_lease_deletes_its_keys_in_one_revision() {
    let machine = open(&(Arc::new(Memory::new()) as Arc<dyn Engine>));
    let none = InternalRaftRequest::default;
    let grant = InternalRaftRequest { lease_grant: Some(LeaseGrantRequest { id: 1, ttl: 9 }), ..none() };
    assert!(ask(&machine, 1, grant).is_ok());
    for number in 0..3 {
        let put = InternalRaftRequest { put: Some(put(number, 1, 1)), ..none() };
        assert!(ask(&machine, 2 + u64::from(number), put).is_ok());
    }
    let revoke = InternalRaftRequest { lease_revoke: Some(LeaseRevokeRequest { id: 1 }), ..none() };
    let mut turn = machine.begin(1);
    let at = Applied { index: 5, term: 1 };
    let (_, outcome, effects) =
        turn.apply(at, revoke.encode_to_vec().into(), &|_| true).expect("memory does not fail");
    assert!(matches!(outcome, Ok(Response::LeaseRevoke(_))));
    let events = effects.events.expect("keys were deleted");
    let keys: Vec<&[u8]> = events.events.iter().map(|event| &event.key[..]).collect();
    assert_eq!(keys, [&b"k0"[..], b"k1", b"k2"]);
    assert_eq!(events.revision, machine.store().revision());
}

#[test]
fn an_entry_that_is_no_request_stops_the_member() {
    let machine = open(&(Arc::new(Memory::new()) as Arc<dyn Engine>));
    let mut turn = machine.begin(1);
    let garbage = Bytes::from_static(&[0xff; 9]);
    assert!(turn.apply(Applied { index: 1, term: 1 }, garbage, &|_| true).is_err());
}
