//! The rules, as a model: what an operation needs, and who has it.

use crate::client::GRANTS;
use oxetcd_api::etcdserverpb as pb;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Root,
    Part,
    None,
    Nobody,
}

pub const EVERYBODY: [Who; 4] = [Who::Root, Who::Part, Who::None, Who::Nobody];

/// What an operation needs.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    Admin,
    User,
    Read(&'static str),
    Write(&'static str),
}

/// Whether `who` has what is needed.
pub fn has(who: Who, need: Need) -> bool {
    let granted = |key: &str, wanted: i32| {
        let grants =
            |(prefix, kind): &(&str, i32)| key.starts_with(prefix) && (*kind == 2 || *kind == wanted);
        GRANTS.iter().any(grants)
    };
    match (who, need) {
        (Who::Root, _) => true,
        (Who::Nobody, _) => false,
        (_, Need::Admin) => false,
        (_, Need::User) => true,
        (Who::None, _) => false,
        (Who::Part, Need::Read(key)) => granted(key, 0),
        (Who::Part, Need::Write(key)) => granted(key, 1),
    }
}

/// One operation of a transaction, and what it needs. Leases: `mine` has a key that `part` may write, `other` one that
/// it may not.
pub fn operations(mine: i64, other: i64) -> Vec<(pb::request_op::Request, Vec<Need>)> {
    use pb::request_op::Request;
    let mut all = Vec::new();
    for key in ["r", "w", "b", "x"] {
        for prev_kv in [false, true] {
            let read = prev_kv.then_some(Need::Read(key));
            for (lease, hangs_on) in [(0, None), (mine, Some("b-leased")), (other, Some("x-leased"))] {
                let put = pb::PutRequest {
                    key: key.into(),
                    value: "v".into(),
                    lease,
                    prev_kv,
                    ..Default::default()
                };
                let needs = [Some(Need::Write(key)), read, hangs_on.map(Need::Write)];
                all.push((Request::RequestPut(put), needs.into_iter().flatten().collect()));
            }
            let delete = pb::DeleteRangeRequest { key: key.into(), prev_kv, ..Default::default() };
            let needs = [Some(Need::Write(key)), read].into_iter().flatten().collect();
            all.push((Request::RequestDeleteRange(delete), needs));
        }
        for serializable in [false, true] {
            let range = pb::RangeRequest { key: key.into(), serializable, ..Default::default() };
            all.push((Request::RequestRange(range), vec![Need::Read(key)]));
        }
        // From the key to the end of all keys.
        let range = pb::RangeRequest { key: key.into(), range_end: vec![0].into(), ..Default::default() };
        all.push((Request::RequestRange(range), vec![Need::Read("everything")]));
    }
    all
}

fn op(request: pb::request_op::Request) -> pb::RequestOp {
    pb::RequestOp { request: Some(request) }
}

/// `request` in transactions: in either branch, whether it is taken or not, and in up to two more around it.
pub fn transactions(request: &pb::request_op::Request) -> Vec<pb::TxnRequest> {
    let mut all = Vec::new();
    for taken in [true, false] {
        let operations = vec![op(request.clone())];
        let mut txn = match taken {
            true => pb::TxnRequest { success: operations, ..Default::default() },
            false => pb::TxnRequest { failure: operations, ..Default::default() },
        };
        for _ in 0..3 {
            all.push(txn.clone());
            let inner = op(pb::request_op::Request::RequestTxn(txn));
            txn = pb::TxnRequest { failure: vec![inner], ..Default::default() };
        }
    }
    all
}
