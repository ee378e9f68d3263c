//! Users and roles in a cluster of the official etcd and ours: whichever kind leads and whichever is asked, all members know the
//! same users, let the same calls through, and believe each other's tokens.
//!
//! `cargo xtask mixed` runs this, like [`super::mixed`].

use crate::{
    harness::{
        ask::{self, ANSWER_LIMIT, within},
        cluster::{Cluster, program},
        network::Index,
    },
    mixed::official,
};
use oxetcd_api::{authpb::Permission, etcdserverpb as pb};
use oxetcd_grpc::etcdserverpb::{auth_client::AuthClient, kv_client::KvClient};
use std::fmt::Debug;
use tonic::{Request, Status, transport::Channel};

const SIZE: usize = 3;

/// One member, asked in somebody's name.
struct Caller<'a> {
    url: &'a str,
    token: Option<&'a str>,
}

impl Caller<'_> {
    fn by<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = self.token {
            request.metadata_mut().insert("token", token.parse().expect("a token is text"));
        }
        request
    }

    async fn auth(&self) -> AuthClient<Channel> {
        AuthClient::new(ask::connect(self.url).await.expect("it listens"))
    }

    async fn add_user(&self, name: &str, password: &str, role: &str) {
        let (name, password) = (name.to_owned(), password.to_owned());
        let grant = pb::AuthUserGrantRoleRequest { user: name.clone(), role: role.to_owned() };
        let add = pb::AuthUserAddRequest { name, password, ..Default::default() };
        let mut auth = self.auth().await;
        within(ANSWER_LIMIT, auth.user_add(self.by(add))).await.expect("added");
        within(ANSWER_LIMIT, auth.user_grant_role(self.by(grant))).await.expect("granted");
    }

    async fn add_role(&self, name: &str, grants: &[(i32, &str, &str)]) {
        let mut auth = self.auth().await;
        let add = pb::AuthRoleAddRequest { name: name.to_owned() };
        within(ANSWER_LIMIT, auth.role_add(self.by(add))).await.expect("added");
        for (perm_type, key, end) in grants {
            let (key, range_end) = (key.to_string().into(), end.to_string().into());
            let perm = Some(Permission { perm_type: *perm_type, key, range_end });
            let grant = pb::AuthRoleGrantPermissionRequest { name: name.to_owned(), perm };
            within(ANSWER_LIMIT, auth.role_grant_permission(self.by(grant))).await.expect("granted");
        }
    }

    async fn log_in(&self, name: &str, password: &str) -> Result<String, Status> {
        let login = pb::AuthenticateRequest { name: name.to_owned(), password: password.to_owned() };
        Ok(within(ANSWER_LIMIT, self.auth().await.authenticate(self.by(login))).await?.token)
    }

    /// Everything about users and roles, in words.
    async fn all(&self) -> String {
        let mut auth = self.auth().await;
        let status = within(ANSWER_LIMIT, auth.auth_status(self.by(pb::AuthStatusRequest {}))).await;
        let status = status.expect("answered");
        let mut said = format!("enabled {}, revision {}\n", status.enabled, status.auth_revision);
        let users = within(ANSWER_LIMIT, auth.user_list(self.by(pb::AuthUserListRequest {}))).await;
        for name in users.expect("answered").users {
            let get = self.by(pb::AuthUserGetRequest { name: name.clone() });
            let user = within(ANSWER_LIMIT, auth.user_get(get)).await.expect("answered");
            said += &format!("{name}: {:?}\n", user.roles);
        }
        let roles = within(ANSWER_LIMIT, auth.role_list(self.by(pb::AuthRoleListRequest {}))).await;
        for role in roles.expect("answered").roles {
            // What the administrators' role may is not stored: 3.5 shows nothing, 3.7 everything.
            if role == "root" {
                continue;
            }
            let get = self.by(pb::AuthRoleGetRequest { role: role.clone() });
            let found = within(ANSWER_LIMIT, auth.role_get(get)).await.expect("answered");
            said += &format!("{role}: {:?}\n", found.perm);
        }
        said
    }

    /// What becomes of reads and writes of each kind.
    async fn verdicts(&self) -> Vec<Result<(), String>> {
        let mut kv = KvClient::new(ask::connect(self.url).await.expect("it listens"));
        let mut verdicts = Vec::new();
        let outcome = |outcome: Result<(), Status>| outcome.map_err(|status| status.message().to_owned());
        for (key, end) in [("k1", ""), ("k9", ""), ("k1", "k5"), ("k", "l"), ("x", ""), ("k5", "\0")] {
            let (key, range_end): (bytes::Bytes, bytes::Bytes) =
                (key.to_owned().into(), end.to_owned().into());
            for serializable in [false, true] {
                let (key, range_end) = (key.clone(), range_end.clone());
                let range = pb::RangeRequest { key, range_end, serializable, ..Default::default() };
                let done = within(ANSWER_LIMIT, kv.range(self.by(range))).await;
                verdicts.push(outcome(done.map(drop)));
            }
            if end.is_empty() {
                let put = pb::PutRequest { key, value: "v".into(), prev_kv: true, ..Default::default() };
                verdicts.push(outcome(within(ANSWER_LIMIT, kv.put(self.by(put))).await.map(drop)));
            }
        }
        verdicts
    }
}

fn assert_same<T: PartialEq + Debug>(what: &str, of_members: &[T]) {
    assert!(of_members.windows(2).all(|two| two[0] == two[1]), "{what}: {of_members:#?}");
}

/// Auth is on while `leader` leads: everybody logs in everywhere, and each member is shown each one's tokens.
async fn with_auth_on(urls: &[String], asked_first: usize, passwords: &[(&str, String)]) {
    let enable = Caller { url: &urls[asked_first], token: None };
    let mut auth = enable.auth().await;
    within(ANSWER_LIMIT, auth.auth_enable(pb::AuthEnableRequest {})).await.expect("enabled");
    let nobody = |url| Caller { url, token: None };
    let mut root = String::new();
    for (name, password) in passwords {
        assert!(nobody(&urls[0]).log_in(name, "wrong").await.is_err());
        for url in urls {
            let token = nobody(url).log_in(name, password).await.expect("logged in");
            let mut verdicts = Vec::new();
            for url in urls {
                verdicts.push(Caller { url, token: Some(&token) }.verdicts().await);
            }
            assert_same(name, &verdicts);
            let refused = verdicts[0].iter().filter(|verdict| verdict.is_err()).count();
            assert_eq!(refused == 0, *name == "root", "{name}: {verdicts:?}");
            if *name == "root" {
                root = token;
            }
        }
    }
    let mut nobodies = Vec::new();
    let mut all = Vec::new();
    for url in urls {
        nobodies.push(nobody(url).verdicts().await);
        all.push(Caller { url, token: Some(&root) }.all().await);
    }
    assert_same("nobody", &nobodies);
    assert_same("users and roles", &all);
    // Who was deleted at one is gone at all.
    let other = Caller { url: &urls[(asked_first + 1) % urls.len()], token: Some(&root) };
    other.add_user("gone", "gone", "reader").await;
    let gone = nobody(&urls[asked_first]).log_in("gone", "gone").await.expect("logged in");
    let delete = other.by(pb::AuthUserDeleteRequest { name: "gone".to_owned() });
    within(ANSWER_LIMIT, other.auth().await.user_delete(delete)).await.expect("deleted");
    for url in urls {
        let verdicts = Caller { url, token: Some(&gone) }.verdicts().await;
        assert!(verdicts.iter().all(Result::is_err), "at {url}: {verdicts:?}");
    }
    let disable = other.by(pb::AuthDisableRequest {});
    within(ANSWER_LIMIT, other.auth().await.auth_disable(disable)).await.expect("disabled");
}

async fn become_ours(cluster: &mut Cluster, index: Index) {
    cluster.member(index).terminate().await;
    cluster.member(index).program = program();
    cluster.restart(index).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the official etcd: cargo xtask mixed"]
async fn users_and_roles_are_the_same_everywhere() {
    let mut cluster = Cluster::start_with(&official(), SIZE, &["--bcrypt-cost", "4"]).await;
    let indices = cluster.indices();
    become_ours(&mut cluster, indices[0]).await;
    let urls: Vec<String> = indices.iter().map(|index| cluster.member(*index).url()).collect();
    let at = |member: usize| Caller { url: &urls[member], token: None };

    cluster.move_leader(indices[1]).await;
    at(1).add_role("root", &[]).await;
    at(1).add_user("root", "of root", "root").await;
    at(1).add_role("reader", &[(0, "k1", "k5"), (2, "k9", "")]).await;
    at(0).add_user("alice", "of alice", "reader").await;
    cluster.move_leader(indices[0]).await;
    at(0).add_role("writer", &[(1, "k", "l"), (0, "k4", "k6"), (2, "\0", "a")]).await;
    at(1).add_user("bob", "another", "writer").await;
    let (name, password) = ("bob".to_owned(), "of bob".to_owned());
    let change = pb::AuthUserChangePasswordRequest { name, password, ..Default::default() };
    within(ANSWER_LIMIT, at(0).auth().await.user_change_password(change)).await.expect("changed");

    let mut all = Vec::new();
    for (member, url) in urls.iter().enumerate() {
        // A read has it catch up.
        ask::get(url, "any").await.expect("read");
        all.push(at(member).all().await);
    }
    assert_same("users and roles", &all);
    let passwords = ["root", "alice", "bob"].map(|name| (name, format!("of {name}")));
    for leader in [1, 0] {
        for asked_first in [1, 0] {
            cluster.move_leader(indices[leader]).await;
            with_auth_on(&urls, asked_first, &passwords).await;
        }
    }
    cluster.assert_equal_hashes().await;
}
