//! A server with users, and calls in their names.

use crate::support::Server;
use oxetcd_api::{authpb::Permission, etcdserverpb as pb};
use oxetcd_grpc::etcdserverpb::{
    auth_client::AuthClient, cluster_client::ClusterClient, kv_client::KvClient, lease_client::LeaseClient,
    maintenance_client::MaintenanceClient, watch_client::WatchClient,
};
use tonic::{Request, Status, transport::Channel};

pub const PASSWORD: &str = "correct horse";
/// What the role `part` may: read below `r`, write below `w`, both below `b`.
pub const GRANTS: [(&str, i32); 3] = [("r", 0), ("w", 1), ("b", 2)];

/// A server, and its users: `root`; `part` with some rights; `none` without.
pub struct World {
    pub server: Server,
    pub channel: Channel,
    _dir: tempfile::TempDir,
}

/// A request in the name of whoever `token` stands for.
pub fn by<T>(token: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("token", token.parse().expect("a token is text"));
    }
    request
}

impl World {
    /// A server without users. `extra` are more flags.
    pub async fn bare(extra: &[&str]) -> World {
        let dir = tempfile::tempdir().expect("a directory");
        let flags = [&["--bcrypt-cost", "4"], extra].concat();
        let server = Server::start(dir.path(), &flags);
        let channel = Channel::from_shared(server.url()).expect("a URL").connect().await.expect("connected");
        World { server, channel, _dir: dir }
    }

    /// Stops the server. Answers with what it logged since it served.
    pub fn stop(self) -> String {
        self.server.terminate_and_read()
    }

    /// A server with the users, and auth on.
    pub async fn new(extra: &[&str]) -> World {
        let world = World::bare(extra).await;
        let mut auth = world.auth();
        for name in ["root", "part", "none"] {
            world.add_user(None, name).await.expect("added");
        }
        for role in ["root", "part"] {
            auth.role_add(pb::AuthRoleAddRequest { name: role.into() }).await.expect("added");
            let grant = pb::AuthUserGrantRoleRequest { user: role.into(), role: role.into() };
            auth.user_grant_role(grant).await.expect("granted");
        }
        for (prefix, perm_type) in GRANTS {
            let end = [prefix.as_bytes()[0] + 1];
            let range_end = end.to_vec().into();
            let permission = Permission { perm_type, key: prefix.into(), range_end };
            let grant = pb::AuthRoleGrantPermissionRequest { name: "part".into(), perm: Some(permission) };
            auth.role_grant_permission(grant).await.expect("granted");
        }
        auth.auth_enable(pb::AuthEnableRequest {}).await.expect("enabled");
        world
    }

    pub async fn add_user(&self, token: Option<&str>, name: &str) -> Result<(), Status> {
        let (name, password) = (name.to_owned(), PASSWORD.to_owned());
        let add = pb::AuthUserAddRequest { name, password, ..Default::default() };
        self.auth().user_add(by(token, add)).await.map(drop)
    }

    pub async fn log_in(&self, name: &str) -> String {
        self.try_log_in(name, PASSWORD).await.expect("logged in")
    }

    pub async fn try_log_in(&self, name: &str, password: &str) -> Result<String, Status> {
        let login = pb::AuthenticateRequest { name: name.into(), password: password.into() };
        Ok(self.auth().authenticate(login).await?.into_inner().token)
    }

    pub async fn put(&self, token: Option<&str>, key: &str) -> Result<(), Status> {
        let put = pb::PutRequest { key: key.to_owned().into(), value: "v".into(), ..Default::default() };
        self.kv().put(by(token, put)).await.map(drop)
    }

    pub async fn get(&self, token: Option<&str>, key: &str) -> Result<pb::RangeResponse, Status> {
        let range = pb::RangeRequest { key: key.to_owned().into(), ..Default::default() };
        self.kv().range(by(token, range)).await.map(tonic::Response::into_inner)
    }

    pub fn auth(&self) -> AuthClient<Channel> {
        AuthClient::new(self.channel.clone())
    }
    pub fn kv(&self) -> KvClient<Channel> {
        KvClient::new(self.channel.clone())
    }
    pub fn lease(&self) -> LeaseClient<Channel> {
        LeaseClient::new(self.channel.clone())
    }
    pub fn watch(&self) -> WatchClient<Channel> {
        WatchClient::new(self.channel.clone())
    }
    pub fn maintenance(&self) -> MaintenanceClient<Channel> {
        MaintenanceClient::new(self.channel.clone())
    }
    pub fn cluster(&self) -> ClusterClient<Channel> {
        ClusterClient::new(self.channel.clone())
    }
}
