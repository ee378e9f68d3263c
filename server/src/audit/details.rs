//! What a call was about: the names in its request. Values, and whatever else may be a secret, are not looked at.

use super::{
    fields,
    line::{id, name, number},
};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    AlarmRequest, AuthRoleAddRequest, AuthRoleDeleteRequest, AuthRoleGetRequest,
    AuthRoleGrantPermissionRequest, AuthRoleRevokePermissionRequest, AuthUserAddRequest,
    AuthUserChangePasswordRequest, AuthUserDeleteRequest, AuthUserGetRequest, AuthUserGrantRoleRequest,
    AuthUserRevokeRoleRequest, AuthenticateRequest, CompactionRequest, LeaseGrantRequest, LeaseRevokeRequest,
    LeaseTimeToLiveRequest, MemberAddRequest, MemberPromoteRequest, MemberRemoveRequest, MemberUpdateRequest,
    MoveLeaderRequest, RequestOp, TxnRequest, WatchRequest, request_op::Request, watch_request::RequestUnion,
};
use prost::Message;

/// Fields of requests about keys.
const KEY: u32 = 1;
const RANGE_END: u32 = 2;
/// A put's lease.
const LEASE: u32 = 3;
/// Operations of a transaction that are listed.
const OPS_MAX: usize = 128;

/// Appends what `request`, encoded, says to the method at `path`. A request that cannot be read adds nothing.
pub(super) fn push(lines: &mut Vec<u8>, path: &str, request: &[u8]) {
    if request.is_empty() {
        return;
    }
    match path.rsplit('/').next().unwrap_or(path) {
        // The calls that come by the thousand are not decoded for their names.
        "Range" | "RangeStream" | "DeleteRange" => {
            keys(lines, fields::bytes(request, KEY), fields::bytes(request, RANGE_END));
        }
        "Put" => {
            keys(lines, fields::bytes(request, KEY), &[]);
            id(lines, "lease", fields::number(request, LEASE));
        }
        "Txn" => on(lines, request, txn),
        "Compact" => on(lines, request, |lines, compaction: CompactionRequest| {
            number(lines, "revision", compaction.revision);
        }),
        "Watch" => on(lines, request, watch),
        method => administrative(lines, method, request),
    }
}

fn on<T: Message + Default>(lines: &mut Vec<u8>, request: &[u8], show: impl FnOnce(&mut Vec<u8>, T)) {
    if let Ok(request) = T::decode(request) {
        show(lines, request);
    }
}

fn keys(lines: &mut Vec<u8>, key: &[u8], range_end: &[u8]) {
    name(lines, "key", key);
    if !range_end.is_empty() {
        name(lines, "range_end", range_end);
    }
}

fn watch(lines: &mut Vec<u8>, request: WatchRequest) {
    if let Some(RequestUnion::CreateRequest(create)) = request.request_union {
        keys(lines, &create.key, &create.range_end);
        number(lines, "start_revision", create.start_revision);
    }
}

/// All operations of both branches: which of them ran is not known here.
fn txn(lines: &mut Vec<u8>, txn: TxnRequest) {
    lines.extend_from_slice(b",\"operations\":[");
    let mut left = OPS_MAX;
    ops(lines, &txn, &mut left);
    lines.push(b']');
}

fn ops(lines: &mut Vec<u8>, txn: &TxnRequest, left: &mut usize) {
    for op in txn.success.iter().chain(&txn.failure).filter_map(|RequestOp { request }| request.as_ref()) {
        if *left == 0 {
            return;
        }
        let (kind, key, range_end) = match op {
            Request::RequestRange(range) => ("range", &range.key, &range.range_end),
            Request::RequestPut(put) => ("put", &put.key, &Bytes::new()),
            Request::RequestDeleteRange(delete) => ("delete", &delete.key, &delete.range_end),
            Request::RequestTxn(inner) => {
                ops(lines, inner, left);
                continue;
            }
        };
        *left -= 1;
        if lines.last() == Some(&b'}') {
            lines.push(b',');
        }
        lines.extend_from_slice(b"{\"operation\":\"");
        lines.extend_from_slice(kind.as_bytes());
        lines.push(b'"');
        keys(lines, key, range_end);
        lines.push(b'}');
    }
}

fn user(lines: &mut Vec<u8>, user: &str) {
    name(lines, "of_user", user.as_bytes());
}

fn role(lines: &mut Vec<u8>, role: &str) {
    name(lines, "of_role", role.as_bytes());
}

/// Leases, members, users and roles.
fn administrative(lines: &mut Vec<u8>, method: &str, request: &[u8]) {
    match method {
        "LeaseGrant" => on(lines, request, |lines, grant: LeaseGrantRequest| {
            id(lines, "lease", grant.id.cast_unsigned());
            number(lines, "ttl_s", grant.ttl);
        }),
        "LeaseRevoke" => on(lines, request, |lines, revoke: LeaseRevokeRequest| {
            id(lines, "lease", revoke.id.cast_unsigned());
        }),
        "LeaseTimeToLive" => on(lines, request, |lines, asked: LeaseTimeToLiveRequest| {
            id(lines, "lease", asked.id.cast_unsigned());
        }),
        "Alarm" => on(lines, request, |lines, alarm: AlarmRequest| {
            name(lines, "action", alarm.action().as_str_name().as_bytes());
            name(lines, "alarm", alarm.alarm().as_str_name().as_bytes());
            id(lines, "of_member", alarm.member_id);
        }),
        "MoveLeader" => {
            on(lines, request, |lines, to: MoveLeaderRequest| id(lines, "of_member", to.target_id))
        }
        "MemberAdd" => on(lines, request, |lines, add: MemberAddRequest| urls(lines, &add.peer_ur_ls)),
        "MemberRemove" => {
            on(lines, request, |lines, old: MemberRemoveRequest| id(lines, "of_member", old.id))
        }
        "MemberPromote" => {
            on(lines, request, |lines, up: MemberPromoteRequest| id(lines, "of_member", up.id))
        }
        "MemberUpdate" => on(lines, request, |lines, update: MemberUpdateRequest| {
            id(lines, "of_member", update.id);
            urls(lines, &update.peer_ur_ls);
        }),
        "Authenticate" => on(lines, request, |lines, login: AuthenticateRequest| user(lines, &login.name)),
        "UserAdd" => on(lines, request, |lines, add: AuthUserAddRequest| user(lines, &add.name)),
        "UserGet" => on(lines, request, |lines, get: AuthUserGetRequest| user(lines, &get.name)),
        "UserDelete" => on(lines, request, |lines, delete: AuthUserDeleteRequest| user(lines, &delete.name)),
        "UserChangePassword" => on(lines, request, |lines, change: AuthUserChangePasswordRequest| {
            user(lines, &change.name);
        }),
        "UserGrantRole" => on(lines, request, |lines, grant: AuthUserGrantRoleRequest| {
            user(lines, &grant.user);
            role(lines, &grant.role);
        }),
        "UserRevokeRole" => on(lines, request, |lines, revoke: AuthUserRevokeRoleRequest| {
            user(lines, &revoke.name);
            role(lines, &revoke.role);
        }),
        "RoleAdd" => on(lines, request, |lines, add: AuthRoleAddRequest| role(lines, &add.name)),
        "RoleGet" => on(lines, request, |lines, get: AuthRoleGetRequest| role(lines, &get.role)),
        "RoleDelete" => on(lines, request, |lines, delete: AuthRoleDeleteRequest| role(lines, &delete.role)),
        "RoleGrantPermission" => on(lines, request, |lines, grant: AuthRoleGrantPermissionRequest| {
            role(lines, &grant.name);
            let permission = grant.perm.unwrap_or_default();
            name(lines, "permission", permission.perm_type().as_str_name().as_bytes());
            keys(lines, &permission.key, &permission.range_end);
        }),
        "RoleRevokePermission" => on(lines, request, |lines, revoke: AuthRoleRevokePermissionRequest| {
            role(lines, &revoke.role);
            keys(lines, &revoke.key, &revoke.range_end);
        }),
        _ => {}
    }
}

fn urls(lines: &mut Vec<u8>, urls: &[String]) {
    name(lines, "peer_urls", urls.join(",").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{Record, Seen, line::Lines},
        net::Remote,
    };
    use oxetcd_api::etcdserverpb::{DeleteRangeRequest, PutRequest};
    use proptest::prelude::*;
    use std::time::{Duration, SystemTime};
    use tonic::Code;

    fn shown(path: &'static str, request: &[u8]) -> serde_json::Value {
        let seen = Seen::default();
        seen.note("al\"ice");
        let record = Record {
            ended: SystemTime::UNIX_EPOCH,
            remote: Remote::Unix,
            seen: Some(seen),
            path: path.into(),
            code: Code::PermissionDenied,
            took: Duration::from_micros(7),
        };
        let mut lines = Lines::default();
        lines.push(&record, request);
        let lines = lines.text;
        assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
        serde_json::from_slice(&lines).expect("JSON")
    }

    #[test]
    fn names_are_shown_and_values_are_not() {
        let put = PutRequest { key: "k\n".into(), value: "secret".into(), lease: 0x1f, ..Default::default() };
        let line = shown("/etcdserverpb.KV/Put", &put.encode_to_vec());
        let expected = serde_json::json!({
            "time": "1970-01-01T00:00:00.000000Z", "remote": "@", "user": "al\"ice",
            "method": "etcdserverpb.KV/Put", "key": "k\n", "lease": "1f",
            "result": "PermissionDenied", "took_us": 7
        });
        assert_eq!(line, expected);
        let inner = TxnRequest {
            success: vec![RequestOp { request: Some(Request::RequestPut(put)) }],
            failure: vec![RequestOp {
                request: Some(Request::RequestDeleteRange(DeleteRangeRequest {
                    key: Bytes::from_static(&[0xff]),
                    range_end: "z".into(),
                    prev_kv: false,
                })),
            }],
            ..Default::default()
        };
        let outer = RequestOp { request: Some(Request::RequestTxn(inner)) };
        let txn = TxnRequest { success: vec![outer], ..Default::default() };
        let line = shown("/etcdserverpb.KV/Txn", &txn.encode_to_vec());
        let expected = serde_json::json!([
            { "operation": "put", "key": "k\n" },
            { "operation": "delete", "key_base64": "/w==", "range_end": "z" }
        ]);
        assert_eq!(line["operations"], expected);
        assert!(!line.to_string().contains("secret"));
    }

    #[test]
    fn no_password_is_shown() {
        let add = AuthUserAddRequest {
            name: "bob".into(),
            password: "hunter2".into(),
            hashed_password: "hunter3".into(),
            ..Default::default()
        };
        let login = AuthenticateRequest { name: "bob".into(), password: "hunter2".into() };
        let change = AuthUserChangePasswordRequest {
            name: "bob".into(),
            password: "hunter2".into(),
            hashed_password: "hunter3".into(),
        };
        for (path, request) in [
            ("/etcdserverpb.Auth/UserAdd", add.encode_to_vec()),
            ("/etcdserverpb.Auth/Authenticate", login.encode_to_vec()),
            ("/etcdserverpb.Auth/UserChangePassword", change.encode_to_vec()),
        ] {
            let line = shown(path, &request);
            assert_eq!(line["of_user"], "bob");
            assert!(!line.to_string().contains("hunter"), "{line}");
        }
    }

    proptest! {
        /// Whatever bytes a request has, its line is one line of JSON.
        #[test]
        fn any_request_gives_a_line(
            method in prop::sample::select(vec!["KV/Range", "KV/Put", "KV/Txn", "Auth/UserAdd", "Watch/Watch", "No/Such"]),
            request in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            shown(method, &request);
        }
    }
}
