//! Rights that change between the look at a request and its turn in the log: what counts is what they are when it is applied.

use bytes::Bytes;
use oxetcd_api::{
    authpb::Permission,
    etcdserverpb::{
        AuthEnableRequest, AuthRoleAddRequest, AuthRoleDeleteRequest, AuthRoleGrantPermissionRequest,
        AuthRoleRevokePermissionRequest, AuthUserAddRequest, AuthUserChangePasswordRequest,
        AuthUserDeleteRequest, AuthUserGrantRoleRequest, AuthUserListRequest, AuthUserRevokeRoleRequest,
        DeleteRangeRequest, InternalAuthenticateRequest, InternalRaftRequest, LeaseGrantRequest,
        LeaseRevokeRequest, PutRequest, RequestHeader, RequestOp, TxnRequest, request_op::Request,
    },
};
use oxetcd_auth::AuthError;
use oxetcd_lease::LeaseConfig;
use oxetcd_machine::{ApplyError, Machine, Outcome, Response, meta::Applied};
use oxetcd_storage::{Buffer, Memory};
use prost::Message;
use std::sync::Arc;

/// A machine with auth on, and the users `root` (role `root`), `admin` (the same) and `alice` (role `alice`, who may read and write
/// below `a`).
struct World {
    machine: Machine,
    index: u64,
}

fn request(fill: impl FnOnce(&mut InternalRaftRequest)) -> InternalRaftRequest {
    let mut request = InternalRaftRequest::default();
    fill(&mut request);
    request
}

fn put(key: &str, lease: i64) -> PutRequest {
    PutRequest { key: Bytes::copy_from_slice(key.as_bytes()), value: "v".into(), lease, ..Default::default() }
}

impl World {
    fn new() -> World {
        let (machine, _) =
            Machine::open(Arc::new(Buffer::new(Arc::new(Memory::new()))), LeaseConfig::default())
                .expect("memory can be read");
        let mut world = World { machine, index: 0 };
        for (user, role) in [("root", "root"), ("admin", "root"), ("alice", "alice")] {
            let (name, hashed_password) = (user.to_owned(), "aGFzaA==".to_owned());
            let add = AuthUserAddRequest { name, hashed_password, ..Default::default() };
            let (user, role) = (user.to_owned(), role.to_owned());
            let grant = AuthUserGrantRoleRequest { user, role: role.clone() };
            world.done(request(|all| all.auth_user_add = Some(add)));
            // The role of administrators is there for the second of them already.
            let _ = world.apply(request(|all| all.auth_role_add = Some(AuthRoleAddRequest { name: role })));
            world.done(request(|all| all.auth_user_grant_role = Some(grant)));
        }
        let perm = Some(Permission { perm_type: 2, key: "a".into(), range_end: "b".into() });
        let grant = AuthRoleGrantPermissionRequest { name: "alice".into(), perm };
        world.done(request(|all| all.auth_role_grant_permission = Some(grant)));
        world.done(request(|all| all.lease_grant = Some(LeaseGrantRequest { id: 7, ttl: 60 })));
        world.done(request(|all| all.put = Some(put("a-leased", 7))));
        world.done(request(|all| all.auth_enable = Some(AuthEnableRequest {})));
        world
    }

    fn apply(&mut self, request: InternalRaftRequest) -> Outcome {
        self.index += 1;
        let mut turn = self.machine.begin(1);
        let at = Applied { index: self.index, term: 1 };
        turn.apply(at, request.encode_to_vec().into(), &|_| true).expect("memory does not fail").1
    }

    fn done(&mut self, request: InternalRaftRequest) -> Response {
        self.apply(request).expect("allowed")
    }

    /// The same request in somebody's name, as it would go into the log now.
    fn by(&self, user: &str, request: InternalRaftRequest) -> InternalRaftRequest {
        let auth_revision = self.machine.auth().revision();
        let header = RequestHeader { id: 1, username: user.to_owned(), auth_revision };
        InternalRaftRequest { header: Some(header), ..request }
    }
}

/// Writes of every kind that `alice` may do, or might.
fn writes() -> Vec<InternalRaftRequest> {
    let op = |request| RequestOp { request: Some(request) };
    let nested = TxnRequest { failure: vec![op(Request::RequestPut(put("a", 0)))], ..Default::default() };
    let txn = TxnRequest { success: vec![op(Request::RequestTxn(nested))], ..Default::default() };
    vec![
        request(|all| all.put = Some(put("a", 0))),
        request(|all| all.put = Some(put("a", 7))),
        request(|all| all.txn = Some(txn)),
        request(|all| all.delete_range = Some(DeleteRangeRequest { key: "a".into(), ..Default::default() })),
        request(|all| all.lease_revoke = Some(LeaseRevokeRequest { id: 7 })),
    ]
}

/// Each way in which rights can be changed while requests are on their way.
fn changes() -> Vec<InternalRaftRequest> {
    let alice = || "alice".to_owned();
    let revoke = AuthUserRevokeRoleRequest { name: alice(), role: alice() };
    let change = AuthUserChangePasswordRequest { name: alice(), ..Default::default() };
    let withdraw = AuthRoleRevokePermissionRequest { role: alice(), key: "a".into(), range_end: "b".into() };
    let new = AuthUserAddRequest { name: "new".to_owned(), ..Default::default() };
    vec![
        request(|all| all.auth_user_delete = Some(AuthUserDeleteRequest { name: alice() })),
        request(|all| all.auth_user_revoke_role = Some(revoke)),
        request(|all| all.auth_role_delete = Some(AuthRoleDeleteRequest { role: alice() })),
        request(|all| all.auth_role_revoke_permission = Some(withdraw)),
        request(|all| all.auth_user_change_password = Some(change)),
        // Nobody's rights here; but a request cannot know.
        request(|all| all.auth_user_add = Some(new)),
    ]
}

#[test]
fn a_user_deleted_or_changed_between_check_and_apply() {
    for change in changes() {
        for write in writes() {
            let mut world = World::new();
            let (late, change) = (world.by("alice", write), world.by("root", change.clone()));
            world.done(change.clone());
            let before = world.machine.store().revision();
            let refused = world.apply(late.clone());
            let old = matches!(refused, Err(ApplyError::Auth(AuthError::OldRevision)));
            assert!(old, "{late:?} after {change:?}: {refused:?}");
            assert_eq!(world.machine.store().revision(), before, "nothing was written by {late:?}");
            assert!(world.machine.leases().lock().contains(7), "the lease is there after {late:?}");
        }
    }
}

#[test]
fn what_came_before_the_change_is_done() {
    for write in writes() {
        let mut world = World::new();
        let (early, change) = (world.by("alice", write), world.by("root", changes().swap_remove(0)));
        world.done(early);
        world.done(change);
    }
}

/// What administrators ask is judged by what they are now, at whichever revision they were looked at.
#[test]
fn an_administrator_deleted_or_demoted_between_check_and_apply() {
    let revoke = AuthUserRevokeRoleRequest { name: "admin".into(), role: "root".into() };
    let cases = [
        (
            request(|all| all.auth_user_delete = Some(AuthUserDeleteRequest { name: "admin".into() })),
            AuthError::UserNotFound,
        ),
        (request(|all| all.auth_user_revoke_role = Some(revoke)), AuthError::PermissionDenied),
    ];
    for (change, wanted) in cases {
        let asked = changes().into_iter().chain([request(|all| {
            all.auth_user_list = Some(AuthUserListRequest {});
        })]);
        for asked in asked {
            let mut world = World::new();
            let (late, change) = (world.by("admin", asked), world.by("root", change.clone()));
            world.done(change);
            let revision = world.machine.auth().revision();
            match world.apply(late.clone()) {
                Err(ApplyError::Auth(error)) => assert_eq!(error, wanted, "{late:?}"),
                other => panic!("{late:?}: {other:?}"),
            }
            assert_eq!(world.machine.auth().revision(), revision, "{late:?}");
        }
    }
}

/// A login is in the log without its password; so a user that went meanwhile must be noticed, and a password that was changed
/// too: the answer's revision tells the member that checked the old one.
#[test]
fn a_login_whose_user_was_deleted_or_changed_between_check_and_apply() {
    let login = || InternalAuthenticateRequest {
        name: "alice".into(),
        simple_token: "letters".into(),
        ..Default::default()
    };
    let login = || request(|all| all.authenticate = Some(login()));
    let mut world = World::new();
    let (_, checked_at) = world.machine.auth().password_of("alice").expect("a password");
    match world.done(login()) {
        Response::Login { revision, .. } => assert_eq!(revision, checked_at),
        other => panic!("{other:?}"),
    }
    let change = world.by("root", changes().swap_remove(4));
    world.done(change);
    match world.done(login()) {
        Response::Login { revision, .. } => assert!(revision > checked_at),
        other => panic!("{other:?}"),
    }
    let delete = world.by("root", changes().swap_remove(0));
    world.done(delete);
    let refused = world.apply(login());
    assert!(matches!(refused, Err(ApplyError::Auth(AuthError::Failed))), "{refused:?}");
}
