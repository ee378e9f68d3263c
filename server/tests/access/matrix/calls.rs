//! Every call that is not about keys alone, in the name of a user: what it needs, and a request that changes nothing that
//! the others need. An administrator's changes are of what is not there, or is so already.

use super::model::{Need, Range, between, from, one, own};
use super::{Case, Leases, case};
use oxetcd_api::{authpb::Permission, etcdserverpb as pb, v3electionpb as election, v3lockpb as lock};

/// Whoever this is, it is no user and no role.
const GHOST: &str = "ghost";

fn auth(user: &str) -> Vec<Case> {
    let ghost = || GHOST.to_owned();
    let root = || "root".to_owned();
    let admin = || vec![Need::Admin];
    let self_or = |name: &str| vec![Need::Valid, Need::AdminOr(name.to_owned())];
    let permission = Permission { perm_type: 2, key: "g".into(), ..Default::default() };
    let path = |method: &str| format!("/etcdserverpb.Auth/{method}");
    let (name, role) = (ghost(), ghost());
    vec![
        case(path("AuthEnable"), &pb::AuthEnableRequest {}, admin()),
        case(path("AuthStatus"), &pb::AuthStatusRequest {}, vec![Need::Valid]),
        case(
            path("UserAdd"),
            &pb::AuthUserAddRequest { name: root(), password: "pw".into(), ..Default::default() },
            admin(),
        ),
        case(path("UserGet"), &pb::AuthUserGetRequest { name: user.into() }, self_or(user)),
        case(path("UserGet"), &pb::AuthUserGetRequest { name: root() }, self_or("root")),
        case(path("UserList"), &pb::AuthUserListRequest {}, admin()),
        case(path("UserDelete"), &pb::AuthUserDeleteRequest { name: ghost() }, admin()),
        case(
            path("UserChangePassword"),
            &pb::AuthUserChangePasswordRequest { name: ghost(), password: "pw".into(), ..Default::default() },
            admin(),
        ),
        case(path("UserGrantRole"), &pb::AuthUserGrantRoleRequest { user: ghost(), role: root() }, admin()),
        case(path("UserRevokeRole"), &pb::AuthUserRevokeRoleRequest { name: ghost(), role: root() }, admin()),
        case(path("RoleAdd"), &pb::AuthRoleAddRequest { name: root() }, admin()),
        case(path("RoleGet"), &pb::AuthRoleGetRequest { role: format!("{user}-0") }, self_or(user)),
        case(path("RoleGet"), &pb::AuthRoleGetRequest { role: root() }, self_or("root")),
        case(path("RoleList"), &pb::AuthRoleListRequest {}, admin()),
        case(path("RoleDelete"), &pb::AuthRoleDeleteRequest { role: ghost() }, admin()),
        case(
            path("RoleGrantPermission"),
            &pb::AuthRoleGrantPermissionRequest { name: ghost(), perm: Some(permission) },
            admin(),
        ),
        case(
            path("RoleRevokePermission"),
            &pb::AuthRoleRevokePermissionRequest { role, key: "g".into(), ..Default::default() },
            admin(),
        ),
        // Nobody has this password. What else is shown does not matter.
        case(path("Authenticate"), &pb::AuthenticateRequest { name, password: "pw".into() }, Vec::new()),
    ]
}

fn members_and_maintenance() -> Vec<Case> {
    let (admin, user) = (|| vec![Need::Admin], || vec![Need::User]);
    let cluster = |method: &str| format!("/etcdserverpb.Cluster/{method}");
    let maintenance = |method: &str| format!("/etcdserverpb.Maintenance/{method}");
    let alarm = |action: pb::alarm_request::AlarmAction| pb::AlarmRequest {
        action: action as i32,
        member_id: 1,
        alarm: pb::AlarmType::Nospace as i32,
    };
    let downgrade = |action| pb::DowngradeRequest { action, version: "no version".into() };
    use pb::alarm_request::AlarmAction::{Deactivate, Get};
    vec![
        case(cluster("MemberAdd"), &pb::MemberAddRequest::default(), admin()),
        case(cluster("MemberRemove"), &pb::MemberRemoveRequest { id: 1 }, admin()),
        case(cluster("MemberUpdate"), &pb::MemberUpdateRequest { id: 1, peer_ur_ls: vec![] }, admin()),
        case(cluster("MemberPromote"), &pb::MemberPromoteRequest { id: 1 }, admin()),
        case(cluster("MemberList"), &pb::MemberListRequest { linearizable: true }, user()),
        case(cluster("MemberList"), &pb::MemberListRequest { linearizable: false }, user()),
        case(maintenance("Alarm"), &alarm(Get), user()),
        case(maintenance("Alarm"), &alarm(Deactivate), admin()),
        case(maintenance("Status"), &pb::StatusRequest {}, user()),
        case(maintenance("Defragment"), &pb::DefragmentRequest {}, admin()),
        case(maintenance("Hash"), &pb::HashRequest {}, admin()),
        case(maintenance("HashKV"), &pb::HashKvRequest { revision: 0 }, admin()),
        case(maintenance("Snapshot"), &pb::SnapshotRequest {}, admin()),
        case(maintenance("MoveLeader"), &pb::MoveLeaderRequest { target_id: 1 }, admin()),
        case(maintenance("Downgrade"), &downgrade(0), admin()),
        case(maintenance("Downgrade"), &downgrade(2), admin()),
        case("/etcdserverpb.KV/Compact", &pb::CompactionRequest { revision: 1, physical: false }, admin()),
        case("/grpc.health.v1.Health/Check", &pb::StatusRequest {}, Vec::new()),
        case("/grpc.health.v1.Health/List", &pb::StatusRequest {}, Vec::new()),
        case("/grpc.health.v1.Health/Watch", &pb::StatusRequest {}, Vec::new()),
    ]
}

fn leases(user: &str, leases: &Leases) -> Vec<Case> {
    let path = |method: &str| format!("/etcdserverpb.Lease/{method}");
    let ttl = |id, keys| pb::LeaseTimeToLiveRequest { id, keys };
    let (mine, other) = (vec![own(user)], vec![one("x")]);
    let reads = |keys: &Vec<Range>| vec![Need::User, Need::ReadOfLease(keys.clone())];
    let writes = |keys: &Vec<Range>| vec![Need::User, Need::WriteOfLease(keys.clone())];
    // There are leases with keys of everybody.
    let all = vec![from("own/"), one("x")];
    let mut cases = vec![
        case(path("LeaseGrant"), &pb::LeaseGrantRequest { ttl: 3600, id: 0 }, vec![Need::User]),
        case(path("LeaseTimeToLive"), &ttl(leases.own, false), vec![Need::User]),
        case(path("LeaseTimeToLive"), &ttl(leases.other, false), vec![Need::User]),
        case(path("LeaseTimeToLive"), &ttl(leases.own, true), reads(&mine)),
        case(path("LeaseTimeToLive"), &ttl(leases.other, true), reads(&other)),
        case(path("LeaseLeases"), &pb::LeaseLeasesRequest {}, reads(&all)),
        case(path("LeaseKeepAlive"), &pb::LeaseKeepAliveRequest { id: leases.own }, writes(&mine)),
        case(path("LeaseKeepAlive"), &pb::LeaseKeepAliveRequest { id: leases.other }, writes(&other)),
        case(path("LeaseKeepAlive"), &pb::LeaseKeepAliveRequest { id: leases.empty }, vec![Need::User]),
        case(path("LeaseRevoke"), &pb::LeaseRevokeRequest { id: leases.to_revoke_empty }, vec![Need::User]),
        case(path("LeaseRevoke"), &pb::LeaseRevokeRequest { id: leases.to_revoke_own }, writes(&mine)),
        // An administrator's would be the end of it for the others.
        case(path("LeaseRevoke"), &pb::LeaseRevokeRequest { id: leases.to_revoke_other }, writes(&other)),
    ];
    // No such lease: it has no keys.
    cases.push(case(path("LeaseRevoke"), &pb::LeaseRevokeRequest { id: 1 }, vec![Need::User]));
    cases
}

/// Locks and elections are made of operations over keys, and need what these need.
fn coordination(user: &str, leases: &Leases) -> Vec<Case> {
    let mine = own(user);
    let (read, write) = (|| Need::Read(own(user)), || Need::Write(own(user)));
    let others = || between("x/", "x0");
    let name = |end: &str| bytes::Bytes::from([&mine.0[..], end.as_bytes()].concat());
    let lease = leases.own;
    // Of this caller alone: nobody waits for another one.
    let [lock_name, campaign] = ["lock", "campaign"].map(|what| format!("{what}-{lease}"));
    let [foreign_lock, foreign_campaign] =
        [&lock_name, &campaign].map(|name| bytes::Bytes::from(format!("x/{name}")));
    let key = |name: &bytes::Bytes| election::LeaderKey {
        name: name.clone(),
        key: [&name[..], b"/0"].concat().into(),
        rev: 1,
        lease,
    };
    let path = |method: &str| format!("/v3electionpb.Election/{method}");
    let leader = |name: bytes::Bytes| election::LeaderRequest { name };
    let mut cases = vec![
        case(
            "/v3lockpb.Lock/Lock",
            &lock::LockRequest { name: name(&lock_name), lease },
            vec![read(), write()],
        ),
        case(
            "/v3lockpb.Lock/Lock",
            &lock::LockRequest { name: foreign_lock, lease },
            vec![Need::Read(others()), Need::Write(others())],
        ),
        case("/v3lockpb.Lock/Unlock", &lock::UnlockRequest { key: name("lock/0") }, vec![write()]),
        case(
            "/v3lockpb.Lock/Unlock",
            &lock::UnlockRequest { key: "x/0".into() },
            vec![Need::Write(others())],
        ),
    ];
    for (name, needs) in [
        (name(&campaign), vec![read(), write()]),
        (foreign_campaign, vec![Need::Read(others()), Need::Write(others())]),
    ] {
        let request = election::CampaignRequest { name: name.clone(), lease, value: user.to_owned().into() };
        cases.push(case(path("Campaign"), &request, needs.clone()));
        let request = election::ProclaimRequest { leader: Some(key(&name)), value: "v".into() };
        cases.push(case(path("Proclaim"), &request, needs.clone()));
        let request = election::ResignRequest { leader: Some(key(&name)) };
        cases.push(case(path("Resign"), &request, needs));
    }
    for (name, need) in [(name("observe"), read()), ("x/observe".into(), Need::Read(others()))] {
        cases.push(case(path("Leader"), &leader(name.clone()), vec![need.clone()]));
        cases.push(case(path("Observe"), &leader(name), vec![need]));
    }
    cases
}

/// All of it, in the name of a user.
pub fn cases(user: &str, lease_ids: &Leases) -> Vec<Case> {
    let all = [auth(user), members_and_maintenance(), leases(user, lease_ids), coordination(user, lease_ids)];
    all.concat()
}
