//! Golden test: every kind of answer in every format, against `golden.txt`. The file was compared with the output of
//! etcd's own etcdctl for the same answers; `UPDATE_GOLDEN=1 cargo test -p oxetcd-cli` writes it anew.

use super::*;
use oxetcd_api::{
    authpb::{Permission, permission::Type},
    etcdserverpb::*,
    mvccpb::{Event, KeyValue, event::EventType},
};
use std::fmt::Write as _;

const ID: u64 = 0x8e9e_05c5_2164_694d;

fn header(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { cluster_id: 0xcdf8_1818_9123_7b87, member_id: ID, revision, raft_term: 2 })
}

fn kv(key: &'static [u8], value: &'static [u8], lease: i64) -> KeyValue {
    let (key, value) = (bytes::Bytes::from_static(key), bytes::Bytes::from_static(value));
    KeyValue { key, create_revision: 2, mod_revision: 5, version: 4, value, lease }
}

fn odd() -> KeyValue {
    kv("a<b>&\"\\\u{2028}é".as_bytes(), b"\x00\x7f\xff\n", 0x694d_8264_9cd5_8a06)
}

fn member(name: &str, is_learner: bool) -> Member {
    let urls = |port| vec![format!("http://127.0.0.1:{port}")];
    let (peer_ur_ls, client_ur_ls) = (urls(2380), if name.is_empty() { Vec::new() } else { urls(2379) });
    Member { id: ID, name: name.into(), peer_ur_ls, client_ur_ls, is_learner }
}

fn render(text: &mut String, name: &str, answer: &impl Answer) {
    use Format::{Fields, Json, Protobuf, Simple, Table};
    for (format, hex) in [
        (Simple, false),
        (Simple, true),
        (Fields, false),
        (Fields, true),
        (Json, false),
        (Json, true),
        (Protobuf, false),
        (Table, false),
    ] {
        let out = Output::memory();
        let style = Style { format, hex, value_only: false };
        let result = show(&out, style, answer);
        let shown = match (result, format) {
            (Err(failure), _) => format!("exit {}: {}\n", failure.code, failure.message.unwrap_or_default()),
            (Ok(()), Protobuf) => {
                out.contents().iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n"
            }
            (Ok(()), _) => visible(&out.contents()),
        };
        let _ = writeln!(text, "## {name} -w {}{}\n{shown}", format.name(), if hex { " --hex" } else { "" });
    }
}

/// Keys and values are shown as they are, but the golden file is text: bytes that are none are shown by their number.
fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let _ = if c.is_control() && c != '\n' {
                write!(text, "\\x{:02x}", u32::from(c))
            } else {
                write!(text, "{c}")
            };
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn key_values(text: &mut String) {
    render(text, "put", &PutResponse { header: header(5), prev_kv: None });
    render(text, "put --prev-kv", &PutResponse { header: header(5), prev_kv: Some(odd()) });
    let kvs = vec![kv(b"foo", b"bar", 0), odd()];
    render(text, "get", &RangeResponse { header: header(5), kvs: kvs.clone(), more: true, count: 3 });
    render(text, "get of nothing", &RangeResponse { header: header(5), ..RangeResponse::default() });
    let del = DeleteRangeResponse { header: header(6), deleted: 2, prev_kvs: kvs };
    render(text, "del", &del);
    let op = |response| ResponseOp { response: Some(response) };
    let range = RangeResponse { kvs: vec![kv(b"foo", b"bar", 0)], count: 1, ..RangeResponse::default() };
    let responses = vec![
        op(response_op::Response::ResponsePut(PutResponse::default())),
        op(response_op::Response::ResponseRange(range)),
        op(response_op::Response::ResponseDeleteRange(del)),
    ];
    render(text, "txn", &TxnResponse { header: header(7), succeeded: true, responses });
    render(text, "txn of nothing", &TxnResponse { header: header(7), ..TxnResponse::default() });
}

fn watches(text: &mut String) {
    let event = |r#type: EventType, kv, prev_kv| Event { r#type: r#type.into(), kv, prev_kv };
    let deleted = KeyValue { key: "foo".into(), mod_revision: 6, ..KeyValue::default() };
    let events = vec![
        event(EventType::Put, Some(kv(b"foo", b"bar", 0)), None),
        event(EventType::Delete, Some(deleted), Some(kv(b"foo", b"bar", 0))),
    ];
    render(
        text,
        "watch",
        &WatchShown(&WatchResponse { header: header(6), events, ..WatchResponse::default() }),
    );
    let compacted = WatchResponse { canceled: true, compact_revision: 4, ..WatchResponse::default() };
    render(text, "compacted watch", &WatchShown(&compacted));
}

fn leases(text: &mut String) {
    let id = 0x694d_8264_9cd5_8a06;
    render(text, "lease grant", &LeaseGrantResponse { header: header(2), id, ttl: 10, error: String::new() });
    render(text, "lease revoke", &LeaseRevoked { id, response: LeaseRevokeResponse { header: header(3) } });
    render(text, "lease keep-alive", &LeaseKeepAliveResponse { header: header(2), id, ttl: 10 });
    let keys = vec!["a".into(), "b".into()];
    let response = LeaseTimeToLiveResponse { header: header(2), id, ttl: 9, granted_ttl: 10, keys };
    render(text, "lease timetolive --keys", &TimeToLive { response, keys: true });
    let response = LeaseTimeToLiveResponse { header: header(2), id: 0x12, ttl: -1, ..Default::default() };
    render(text, "lease timetolive of nothing", &TimeToLive { response, keys: false });
    let leases = vec![LeaseStatus { id }, LeaseStatus { id: 0x12 }];
    render(text, "lease list", &LeaseLeasesResponse { header: header(2), leases });
    render(text, "lease list of nothing", &LeaseLeasesResponse { header: header(2), leases: Vec::new() });
}

fn members(text: &mut String) {
    let members = vec![member("infra1", false), member("", true)];
    render(text, "member list", &MemberListResponse { header: header(0), members: members.clone() });
    let member = Some(member("", true));
    render(text, "member add", &MemberAddResponse { header: header(0), member, members: members.clone() });
    let response = MemberRemoveResponse { header: header(0), members };
    render(text, "member remove", &MemberChanged { id: ID, action: MemberAction::Removed, response });
    let response = MemberUpdateResponse { header: header(0), members: Vec::new() };
    render(text, "member update", &MemberChanged { id: 0x12, action: MemberAction::Updated, response });
    let response = MemberPromoteResponse { header: header(0), members: Vec::new() };
    render(text, "member promote", &MemberChanged { id: ID, action: MemberAction::Promoted, response });
    let response = MoveLeaderResponse { header: header(0) };
    render(text, "move-leader", &LeaderMoved { from: ID, to: 0x12, response });
    let response = DowngradeResponse { header: header(0), version: "3.7.0".into() };
    render(text, "downgrade validate", &DowngradeDone { step: "validate", response });
}

fn endpoints(text: &mut String) {
    let endpoint = || "127.0.0.1:2379".to_owned();
    let well = Health { endpoint: endpoint(), healthy: true, took: "1.5ms".into(), error: String::new() };
    let error = "Active Alarm(s): NOSPACE ".to_owned();
    let ill = Health { endpoint: endpoint(), healthy: false, took: "2s".into(), error };
    render(text, "endpoint health", &HealthList(vec![well, ill]));
    let status = StatusResponse {
        header: header(6),
        version: "3.7.1".into(),
        db_size: 20480,
        leader: ID,
        raft_index: 8,
        raft_term: 2,
        raft_applied_index: 8,
        errors: vec!["one".into(), "two".into()],
        db_size_in_use: 16384,
        is_learner: false,
        storage_version: "3.7.0".into(),
        db_size_quota: 2 << 30,
        downgrade_info: Some(DowngradeInfo::default()),
    };
    render(text, "endpoint status", &StatusList(vec![(endpoint(), status)]));
    render(text, "endpoint status of nothing", &StatusList(Vec::new()));
    let hash =
        HashKvResponse { header: header(6), hash: 3_628_877_040, compact_revision: -1, hash_revision: 6 };
    render(text, "endpoint hashkv", &HashList(vec![(endpoint(), hash)]));
    let alarms = vec![
        AlarmMember { member_id: ID, alarm: AlarmType::Nospace.into() },
        AlarmMember { member_id: 0x12, alarm: AlarmType::Corrupt.into() },
    ];
    render(text, "alarm list", &AlarmResponse { header: header(6), alarms });
    render(text, "alarm disarm of nothing", &AlarmResponse::default());
}

fn users_and_roles(text: &mut String) {
    render(text, "auth status", &AuthStatusResponse { header: header(6), enabled: true, auth_revision: 3 });
    let response = AuthUserAddResponse { header: header(6) };
    render(text, "user add", &UserNamed { user: "u".into(), done: "created", response });
    let response = AuthUserGetResponse { header: header(6), roles: vec!["r1".into(), "r2".into()] };
    render(text, "user get", &UserShown { user: "u".into(), response });
    render(
        text,
        "user list",
        &AuthUserListResponse { header: header(6), users: vec!["u".into(), "v".into()] },
    );
    let response = AuthUserGrantRoleResponse { header: header(6) };
    let (user, role) = ("u".to_owned(), "r".to_owned());
    render(text, "user grant-role", &UserRole { user, role: role.clone(), done: "granted to", response });
    let response = AuthUserChangePasswordResponse { header: header(6) };
    render(text, "user passwd", &PasswordChanged { response });
    let perm = |kind: Type, key: &'static str, end: &'static str| Permission {
        perm_type: kind.into(),
        key: key.into(),
        range_end: end.into(),
    };
    let perm = vec![
        perm(Type::Read, "a", ""),
        perm(Type::Write, "a", "c"),
        perm(Type::Readwrite, "pre", "prf"),
        perm(Type::Readwrite, "z", "\0"),
    ];
    render(
        text,
        "role get",
        &RoleShown { role: "r".into(), response: AuthRoleGetResponse { header: header(6), perm } },
    );
    render(
        text,
        "role get root",
        &RoleShown { role: "root".into(), response: AuthRoleGetResponse::default() },
    );
    render(
        text,
        "role list",
        &AuthRoleListResponse { header: header(6), roles: vec!["r".into(), "root".into()] },
    );
    let response = AuthRoleAddResponse { header: header(6) };
    render(text, "role add", &RoleNamed { role: role.clone(), done: "created", response });
    for (name, range_end) in [("key", vec![]), ("range", b"m".to_vec()), ("open range", vec![0])] {
        let response = AuthRoleRevokePermissionResponse { header: header(6) };
        let revoked = RoleRevoked { role: role.clone(), key: b"k".to_vec(), range_end, response };
        render(text, &format!("role revoke-permission, {name}"), &revoked);
    }
}

#[test]
fn every_answer_in_every_format() {
    let mut text = String::new();
    for part in [key_values, watches, leases, members, endpoints, users_and_roles] {
        part(&mut text);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/print/golden.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(path).expect("the golden file is there");
    for (line, (got, expected)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(got, expected, "golden.txt, line {}", line + 1);
    }
    assert_eq!(text.len(), golden.len());
}

#[test]
fn values_alone() {
    let out = Output::memory();
    let style = Style { format: Format::Simple, hex: false, value_only: true };
    let answer = RangeResponse { kvs: vec![kv(b"foo", b"bar", 0)], ..RangeResponse::default() };
    show(&out, style, &answer).expect("supported");
    assert_eq!(out.contents(), b"bar\n");
}
