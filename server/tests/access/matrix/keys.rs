//! Everything that can be asked of keys: each operation over each shape of range, with and without what came before, with
//! leases, by itself and in transactions in every nesting, in branches that are taken and ones that are not.

use super::model::{Need, Range, between, from, one, own};
use super::{Case, Leases, case};
use oxetcd_api::etcdserverpb::{self as pb, request_op::Request};

/// An operation, what it needs, and whether it may really be done without getting into the others' way.
struct Operation {
    request: Request,
    needs: Vec<Need>,
    is_harmless: bool,
}

fn shapes() -> Vec<Range> {
    let points = ["k1", "k2", "k3", "x"].map(one);
    let ranges = [
        between("k1", "k3"),
        between("k1", "k2\0"),
        between("k2", "k4"),
        between("k", "l"),
        between("k1\0", "k1\0\0"),
        from("k2"),
        from("\0"),
        from("y"),
    ];
    points.into_iter().chain(ranges).collect()
}

fn operations(user: &str, leases: &Leases) -> Vec<Operation> {
    let mut all = Vec::new();
    for range in shapes() {
        let (key, range_end) = (range.0.clone(), range.1.clone());
        for serializable in [false, true] {
            let (key, range_end) = (key.clone().into(), range_end.clone().into());
            let request = pb::RangeRequest { key, range_end, serializable, ..Default::default() };
            let needs = vec![Need::Read(range.clone())];
            all.push(Operation { request: Request::RequestRange(request), needs, is_harmless: true });
        }
        for prev_kv in [false, true] {
            let (key, range_end) = (key.clone().into(), range_end.clone().into());
            let request = pb::DeleteRangeRequest { key, range_end, prev_kv };
            let read = prev_kv.then(|| Need::Read(range.clone()));
            let needs = [Need::Write(range.clone())].into_iter().chain(read).collect();
            // What is outside of these keys, others need.
            let is_harmless = range.0.starts_with(b"k") && range.1 != [0];
            all.push(Operation { request: Request::RequestDeleteRange(request), needs, is_harmless });
        }
    }
    all.extend(puts(user, leases));
    all
}

fn puts(user: &str, leases: &Leases) -> Vec<Operation> {
    let mut all = Vec::new();
    let mine = format!("own/{user}/put");
    for key in ["k1", "k2", "k3", "x", &mine] {
        for prev_kv in [false, true] {
            for (lease, hangs_on) in
                [(0, None), (leases.own, Some(own(user))), (leases.other, Some(one("x")))]
            {
                let (key_bytes, value) = (key.to_owned().into(), user.to_owned().into());
                let request = pb::PutRequest { key: key_bytes, value, lease, prev_kv, ..Default::default() };
                let read = prev_kv.then(|| Need::Read(one(key)));
                let hangs_on = hangs_on.map(|range| Need::WriteOfLease(vec![range]));
                let needs = [Some(Need::Write(one(key))), hangs_on, read].into_iter().flatten().collect();
                // A key that hangs on a lease changes what that lease needs; only its own keys do not.
                let is_harmless = lease == 0 || (lease == leases.own && key == mine);
                all.push(Operation { request: Request::RequestPut(request), needs, is_harmless });
            }
        }
    }
    all
}

fn op(request: Request) -> pb::RequestOp {
    pb::RequestOp { request: Some(request) }
}

fn txn(compare: Vec<pb::Compare>, request: Request, is_success: bool) -> pb::TxnRequest {
    let (operations, none) = (vec![op(request)], Vec::new());
    match is_success {
        true => pb::TxnRequest { compare, success: operations, failure: none },
        false => pb::TxnRequest { compare, success: none, failure: operations },
    }
}

/// Transactions around `request`: the branch that is taken (if it may be) and the one that is not, by itself and up to two
/// levels down, where the outer branches differ.
fn nestings(request: &Request, is_harmless: bool) -> Vec<pb::TxnRequest> {
    let mut all = Vec::new();
    for is_taken in [true, false] {
        // Without a condition a transaction succeeds.
        let inner = txn(Vec::new(), request.clone(), is_taken);
        let nested =
            |inner: &pb::TxnRequest, is_taken| txn(Vec::new(), Request::RequestTxn(inner.clone()), is_taken);
        let middle = nested(&inner, true);
        if !is_taken || is_harmless {
            all.extend([inner.clone(), middle.clone(), nested(&middle, true)]);
        }
        all.extend([nested(&inner, false), nested(&middle, false), nested(&nested(&inner, false), true)]);
    }
    all
}

/// A condition over a range of keys, which is a look at them.
fn compares(user: &str, range: &Range) -> Vec<pb::TxnRequest> {
    let (key, range_end) = (range.0.clone().into(), range.1.clone().into());
    let compare = pb::Compare { key, range_end, ..Default::default() };
    let inner = pb::TxnRequest { compare: vec![compare], ..Default::default() };
    let nested = |is_success| txn(Vec::new(), Request::RequestTxn(inner.clone()), is_success);
    // A write makes it a transaction for the log.
    let put = pb::PutRequest { key: "k1".into(), value: user.to_owned().into(), ..Default::default() };
    let read = pb::RangeRequest { key: "k1".into(), ..Default::default() };
    let with = |request| pb::TxnRequest { success: Vec::new(), failure: vec![op(request)], ..inner.clone() };
    vec![
        inner.clone(),
        nested(true),
        nested(false),
        with(Request::RequestPut(put)),
        with(Request::RequestRange(read)),
    ]
}

fn alone(request: &Request, needs: &[Need], all: &mut Vec<Case>) {
    let needs = needs.to_vec();
    match request {
        Request::RequestRange(range) => {
            all.push(case("/etcdserverpb.KV/Range", range, needs.clone()));
            all.push(case("/etcdserverpb.KV/RangeStream", range, needs));
        }
        Request::RequestPut(put) => all.push(case("/etcdserverpb.KV/Put", put, needs)),
        Request::RequestDeleteRange(delete) => all.push(case("/etcdserverpb.KV/DeleteRange", delete, needs)),
        Request::RequestTxn(txn) => all.push(case("/etcdserverpb.KV/Txn", txn, needs)),
    }
}

/// All of it, in the name of a user.
pub fn cases(user: &str, leases: &Leases) -> Vec<Case> {
    let mut all = Vec::new();
    for Operation { request, needs, is_harmless } in operations(user, leases) {
        if is_harmless {
            alone(&request, &needs, &mut all);
        }
        for txn in nestings(&request, is_harmless) {
            alone(&Request::RequestTxn(txn), &needs, &mut all);
        }
    }
    for range in shapes() {
        for txn in compares(user, &range) {
            let mut needs = vec![Need::Read(range.clone())];
            for op in txn.success.iter().chain(&txn.failure) {
                match op.request {
                    Some(Request::RequestPut(_)) => needs.push(Need::Write(one("k1"))),
                    Some(Request::RequestRange(_)) => needs.push(Need::Read(one("k1"))),
                    _ => {}
                }
            }
            all.push(case("/etcdserverpb.KV/Txn", &txn, needs));
        }
        let (key, range_end) = (range.0.clone().into(), range.1.clone().into());
        let create = pb::WatchCreateRequest { key, range_end, ..Default::default() };
        let union = pb::watch_request::RequestUnion::CreateRequest(create);
        let watch = pb::WatchRequest { request_union: Some(union) };
        all.push(case("/etcdserverpb.Watch/Watch", &watch, vec![Need::Read(range)]));
    }
    all
}
