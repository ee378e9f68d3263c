//! Every call, in every nesting, by everybody: allowed exactly when the model says so.

use crate::{
    client::{World, by},
    rules::{EVERYBODY, Need, Who, has, operations, transactions},
};
use oxetcd_api::etcdserverpb::{self as pb, request_op::Request};
use tonic::{Code, Status};

/// Whether a call was let through. What else may go wrong with it is not a matter of rights.
fn allowed(outcome: &Result<(), Status>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(status) => {
            let refused = [
                "etcdserver: permission denied",
                "etcdserver: user name is empty",
                "etcdserver: invalid auth token",
                "etcdserver: revision of auth store is old",
            ];
            assert_ne!(status.code(), Code::Unimplemented, "{status:?}");
            !refused.contains(&status.message())
        }
    }
}

async fn tokens(world: &World) -> Vec<(Who, Option<String>)> {
    let mut tokens = Vec::new();
    for who in EVERYBODY {
        let token = match who {
            Who::Root => Some(world.log_in("root").await),
            Who::Part => Some(world.log_in("part").await),
            Who::None => Some(world.log_in("none").await),
            Who::Nobody => None,
        };
        tokens.push((who, token));
    }
    tokens
}

/// Two leases: one with a key that `part` may write, one with a key that it may not.
async fn leases(world: &World, root: &str) -> (i64, i64) {
    let mut ids = [0; 2];
    for (id, key) in ids.iter_mut().zip(["b-leased", "x-leased"]) {
        let grant = pb::LeaseGrantRequest { ttl: 3600, id: 0 };
        *id = world.lease().lease_grant(by(Some(root), grant)).await.expect("granted").into_inner().id;
        let put = pb::PutRequest { key: key.into(), lease: *id, ..Default::default() };
        world.kv().put(by(Some(root), put)).await.expect("put");
    }
    (ids[0], ids[1])
}

async fn call(world: &World, token: Option<&str>, request: Request) -> Result<(), Status> {
    let mut kv = world.kv();
    match request {
        Request::RequestRange(range) => kv.range(by(token, range)).await.map(drop),
        Request::RequestPut(put) => kv.put(by(token, put)).await.map(drop),
        Request::RequestDeleteRange(delete) => kv.delete_range(by(token, delete)).await.map(drop),
        Request::RequestTxn(txn) => kv.txn(by(token, txn)).await.map(drop),
    }
}

async fn keys(world: &World) {
    let tokens = tokens(world).await;
    let root = tokens[0].1.as_deref().expect("root has a token");
    let (mine, other) = leases(world, root).await;
    for (request, needs) in operations(mine, other) {
        let nested = transactions(&request).into_iter().map(Request::RequestTxn);
        for request in std::iter::once(request.clone()).chain(nested) {
            for (who, token) in &tokens {
                let wanted = needs.iter().all(|need| has(*who, *need));
                let outcome = call(world, token.as_deref(), request.clone()).await;
                assert_eq!(allowed(&outcome), wanted, "{who:?} {request:?}: {outcome:?}");
            }
        }
    }
    for key in ["r", "w", "b", "x"] {
        let compare = pb::Compare { key: key.into(), ..Default::default() };
        let inner = pb::TxnRequest { compare: vec![compare.clone()], ..Default::default() };
        let inner_op = pb::RequestOp { request: Some(Request::RequestTxn(inner.clone())) };
        let outer = pb::TxnRequest { failure: vec![inner_op], ..Default::default() };
        for txn in [inner, outer] {
            for (who, token) in &tokens {
                let outcome = world.kv().txn(by(token.as_deref(), txn.clone())).await.map(drop);
                assert_eq!(allowed(&outcome), has(*who, Need::Read(key)), "{who:?} {txn:?}: {outcome:?}");
            }
        }
    }
}

async fn others(world: &World) {
    let tokens = tokens(world).await;
    let root = tokens[0].1.as_deref().expect("root has a token");
    let (mine, other) = leases(world, root).await;
    // The last caller is an administrator: what it removes, nobody else needs.
    for (who, token) in tokens.iter().rev() {
        let (who, token) = (*who, token.as_deref());
        let check = |what: &str, outcome: Result<(), Status>, needs: &[Need]| {
            let wanted = needs.iter().all(|need| has(who, *need));
            assert_eq!(allowed(&outcome), wanted, "{who:?} {what}: {outcome:?}");
        };
        macro_rules! calls {
            ($($client:ident.$method:ident($request:expr) needs $needs:expr;)*) => {$(
                let outcome = world.$client().$method(by(token, $request)).await.map(drop);
                check(stringify!($method), outcome, &$needs);
            )*};
        }
        let ttl = |id, keys| pb::LeaseTimeToLiveRequest { id, keys };
        let alarm = |action: pb::alarm_request::AlarmAction| pb::AlarmRequest {
            action: action as i32,
            member_id: 1,
            alarm: pb::AlarmType::Nospace as i32,
        };
        calls! {
            maintenance.status(pb::StatusRequest {}) needs [Need::User];
            maintenance.alarm(alarm(pb::alarm_request::AlarmAction::Get)) needs [Need::User];
            maintenance.alarm(alarm(pb::alarm_request::AlarmAction::Deactivate)) needs [Need::Admin];
            maintenance.defragment(pb::DefragmentRequest {}) needs [Need::Admin];
            maintenance.hash(pb::HashRequest {}) needs [Need::Admin];
            maintenance.hash_kv(pb::HashKvRequest { revision: 0 }) needs [Need::Admin];
            maintenance.snapshot(pb::SnapshotRequest {}) needs [Need::Admin];
            maintenance.move_leader(pb::MoveLeaderRequest { target_id: 1 }) needs [Need::Admin];
            cluster.member_list(pb::MemberListRequest { linearizable: true }) needs [Need::User];
            cluster.member_add(pb::MemberAddRequest::default()) needs [Need::Admin];
            cluster.member_remove(pb::MemberRemoveRequest { id: 1 }) needs [Need::Admin];
            cluster.member_update(pb::MemberUpdateRequest { id: 1, peer_ur_ls: vec![] }) needs [Need::Admin];
            cluster.member_promote(pb::MemberPromoteRequest { id: 1 }) needs [Need::Admin];
            kv.compact(pb::CompactionRequest { revision: 1, physical: false }) needs [Need::Admin];
            lease.lease_grant(pb::LeaseGrantRequest { ttl: 3600, id: 0 }) needs [Need::User];
            lease.lease_time_to_live(ttl(mine, false)) needs [Need::User];
            lease.lease_time_to_live(ttl(other, false)) needs [Need::User];
            lease.lease_time_to_live(ttl(mine, true)) needs [Need::Read("b-leased")];
            lease.lease_time_to_live(ttl(other, true)) needs [Need::Read("x-leased")];
            lease.lease_leases(pb::LeaseLeasesRequest {}) needs [Need::Read("x-leased")];
            lease.lease_revoke(pb::LeaseRevokeRequest { id: other }) needs [Need::User, Need::Write("x-leased")];
            auth.user_list(pb::AuthUserListRequest {}) needs [Need::Admin];
            auth.role_list(pb::AuthRoleListRequest {}) needs [Need::Admin];
            auth.user_get(pb::AuthUserGetRequest { name: "root".into() }) needs [Need::Admin];
            auth.role_get(pb::AuthRoleGetRequest { role: "root".into() }) needs [Need::Admin];
            auth.user_add(pb::AuthUserAddRequest { name: "root".into(), ..Default::default() }) needs [Need::Admin];
            auth.user_delete(pb::AuthUserDeleteRequest { name: "new".into() }) needs [Need::Admin];
            auth.role_add(pb::AuthRoleAddRequest { name: "root".into() }) needs [Need::Admin];
            auth.role_delete(pb::AuthRoleDeleteRequest { role: "new".into() }) needs [Need::Admin];
            auth.auth_enable(pb::AuthEnableRequest {}) needs [Need::Admin];
        }
        let status = world.auth().auth_status(by(token, pb::AuthStatusRequest {})).await;
        assert!(status.expect("everybody may ask").into_inner().enabled);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_every_nesting() {
    keys(&World::new(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_call() {
    others(&World::new(&[]).await).await;
}
