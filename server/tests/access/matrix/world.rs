//! A server with the model's users, roles, keys and leases.

use super::{
    Leases,
    model::{ROOT, User, one, users},
};
use crate::{
    client::{PASSWORD, by},
    support::Server,
};
use oxetcd_api::{authpb::Permission, etcdserverpb as pb};
use oxetcd_grpc::etcdserverpb::{auth_client::AuthClient, kv_client::KvClient, lease_client::LeaseClient};
use tonic::transport::Channel;

pub struct World {
    channel: Channel,
    root: String,
    /// Revision of users and roles.
    pub revision: u64,
    _server: Server,
    _dir: tempfile::TempDir,
}

impl World {
    /// `flags` are more flags of the server.
    pub async fn new(flags: &[String]) -> World {
        let dir = tempfile::tempdir().expect("a directory");
        let flags = ["--bcrypt-cost", "4"].into_iter().chain(flags.iter().map(String::as_str));
        let server = Server::start(dir.path(), &flags.collect::<Vec<_>>());
        let channel = Channel::from_shared(server.url()).expect("a URL").connect().await.expect("connected");
        let mut world = World { channel, root: String::new(), revision: 0, _server: server, _dir: dir };
        for user in users() {
            world.add(&user).await;
        }
        world.auth().auth_enable(pb::AuthEnableRequest {}).await.expect("enabled");
        world.root = world.log_in(ROOT).await;
        let status = world.auth().auth_status(pb::AuthStatusRequest {}).await.expect("answered");
        world.revision = status.into_inner().auth_revision;
        world.fill().await;
        world
    }

    /// A user and its roles, `NAME-0` and so on; the administrator's has no number.
    async fn add(&self, user: &User) {
        let mut auth = self.auth();
        let (name, password) = (user.name.to_owned(), PASSWORD.to_owned());
        auth.user_add(pb::AuthUserAddRequest { name, password, ..Default::default() }).await.expect("added");
        let mut roles: Vec<_> =
            (0..).map(|number| format!("{}-{number}", user.name)).zip(&user.roles).collect();
        let nothing = Vec::new();
        if user.name == ROOT {
            roles.push((ROOT.to_owned(), &nothing));
        }
        for (role, grants) in roles {
            auth.role_add(pb::AuthRoleAddRequest { name: role.clone() }).await.expect("added");
            for (perm_type, (key, range_end)) in grants {
                let (key, range_end) = (key.clone().into(), range_end.clone().into());
                let perm = Some(Permission { perm_type: *perm_type, key, range_end });
                let grant = pb::AuthRoleGrantPermissionRequest { name: role.clone(), perm };
                auth.role_grant_permission(grant).await.expect("granted");
            }
            let grant = pb::AuthUserGrantRoleRequest { user: user.name.to_owned(), role };
            auth.user_grant_role(grant).await.expect("granted");
        }
    }

    /// Somebody speaks in each election that is listened to.
    async fn fill(&self) {
        let speakers = users().into_iter().map(|user| format!("own/{}/observe/1", user.name));
        for key in speakers.chain(["x/observe/1".to_owned(), "k1".to_owned(), "x".to_owned()]) {
            self.put(&key, 0).await;
        }
    }

    async fn put(&self, key: &str, lease: i64) {
        let (key, value) = (key.to_owned().into(), ROOT.into());
        let put = pb::PutRequest { key, value, lease, ..Default::default() };
        KvClient::new(self.channel.clone()).put(by(Some(&self.root), put)).await.expect("put");
    }

    pub fn auth(&self) -> AuthClient<Channel> {
        AuthClient::new(self.channel.clone())
    }

    pub fn root(&self) -> &str {
        &self.root
    }

    /// A connection that shows this certificate.
    pub fn channel(&self, certificate: Option<&str>) -> &Channel {
        assert_eq!(certificate, None);
        &self.channel
    }

    pub async fn log_in(&self, name: &str) -> String {
        let login = pb::AuthenticateRequest { name: name.into(), password: PASSWORD.into() };
        self.auth().authenticate(login).await.expect("logged in").into_inner().token
    }

    /// Leases for the calls of a user, with their keys.
    pub async fn leases(&self, user: &str) -> Leases {
        let (own, gone) = (format!("own/{user}/leased"), format!("own/{user}/gone"));
        Leases {
            own: self.lease(Some(&own)).await,
            other: self.lease(Some("x")).await,
            empty: self.lease(None).await,
            to_revoke_own: self.lease(Some(&gone)).await,
            to_revoke_other: self.lease(Some("x/gone")).await,
            to_revoke_empty: self.lease(None).await,
        }
    }

    async fn lease(&self, key: Option<&str>) -> i64 {
        let grant = by(Some(&self.root), pb::LeaseGrantRequest { ttl: 3600, id: 0 });
        let granted = LeaseClient::new(self.channel.clone()).lease_grant(grant).await.expect("granted");
        let id = granted.into_inner().id;
        if let Some(key) = key {
            self.put(key, id).await;
        }
        id
    }

    /// Keys with a value that tells of somebody who may not have written it.
    pub async fn who_wrote_what_is_not_theirs(&self) -> Vec<String> {
        let all = pb::RangeRequest { key: vec![0].into(), range_end: vec![0].into(), ..Default::default() };
        let range = KvClient::new(self.channel.clone()).range(by(Some(&self.root), all)).await.expect("read");
        let range = range.into_inner();
        assert!(range.kvs.iter().any(|kv| kv.key == "x"), "it was nobody's to delete");
        // What a lock is made of says nothing.
        let telling = range.kvs.into_iter().filter(|kv| !kv.value.is_empty());
        let wrong = telling.filter(|kv| {
            let (key, writer) = (String::from_utf8_lossy(&kv.key), String::from_utf8_lossy(&kv.value));
            let standing = super::Standing::Named { user: writer.into_owned(), is_current: true };
            super::verdict(&standing, &[super::Need::Write(one(&key))]).is_err()
        });
        wrong.map(|kv| format!("{kv:?}")).collect()
    }
}
