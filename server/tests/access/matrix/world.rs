//! A server with the model's users, roles, keys and leases.

use super::{
    Leases,
    model::{ROOT, User, one, users},
};
use crate::{
    client::{PASSWORD, by},
    support::Server,
};
use hyper_util::rt::TokioIo;
use oxetcd_api::{
    authpb::{Permission, UserAddOptions},
    etcdserverpb as pb,
};
use oxetcd_grpc::etcdserverpb::{auth_client::AuthClient, kv_client::KvClient, lease_client::LeaseClient};
use oxetcd_tls::{Authority, ClientTls, Protocol, Subject, TlsOptions};
use std::{collections::BTreeMap, io, sync::Arc};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

pub struct World {
    /// The administrator's.
    channel: Channel,
    /// Connections by the certificate that they show.
    channels: BTreeMap<String, Channel>,
    root: String,
    /// Revision of users and roles.
    pub revision: u64,
    _server: Server,
    _dir: tempfile::TempDir,
}

/// Certificates that name a user or nobody: of all users, of a stranger, and one without a name.
pub const STRANGER: &str = "stranger";
pub const NAMELESS: &str = "";

fn start(dir: &tempfile::TempDir, flags: &[String]) -> Server {
    let flags = ["--bcrypt-cost", "4"].into_iter().chain(flags.iter().map(String::as_str));
    Server::start(&dir.path().join("data"), &flags.collect::<Vec<_>>())
}

/// A connection to a server that speaks TLS.
async fn encrypted(endpoint: &str, options: TlsOptions) -> Channel {
    let tls = Arc::new(ClientTls::new(options, Protocol::Grpc).expect("files that can be used"));
    let to: Arc<str> = endpoint.into();
    let connector = tower::service_fn(move |_: http::Uri| {
        let (tls, to) = (tls.clone(), to.clone());
        async move { Ok::<_, io::Error>(TokioIo::new(tls.connect(TcpStream::connect(&*to).await?, &to).await?)) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.expect("connected")
}

impl World {
    /// `flags` are more flags of the server.
    pub async fn new(flags: &[String]) -> World {
        let dir = tempfile::tempdir().expect("a directory");
        let server = start(&dir, flags);
        let channel = Channel::from_shared(server.url()).expect("a URL").connect().await.expect("connected");
        World::settle(dir, server, channel, BTreeMap::new()).await
    }

    /// A server that takes nobody without a certificate.
    pub async fn with_certificates() -> World {
        let dir = tempfile::tempdir().expect("a directory");
        let authority = Authority::new("the authority").expect("an authority");
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("written");
        write("ca.crt", &authority.cert());
        let names: Vec<&str> =
            users().into_iter().map(|user| user.name).chain([STRANGER, NAMELESS]).collect();
        for (serial, name) in (1..).zip(&names) {
            let hosts = vec!["127.0.0.1".to_owned()];
            let subject = Subject { common_name: (*name).to_owned(), hosts, expired: false, serial };
            let issued = authority.issue(&subject).expect("a certificate");
            write(&format!("{name}.crt"), &issued.cert);
            write(&format!("{name}.key"), &issued.key);
        }
        let text = |name: &str| path(name).display().to_string();
        let url = "https://127.0.0.1:0";
        let (cert, key, ca) = (text("root.crt"), text("root.key"), text("ca.crt"));
        let listen = ["--listen-client-urls", url, "--advertise-client-urls", url, "--client-cert-auth"];
        let files = ["--cert-file", &cert, "--key-file", &key, "--trusted-ca-file", &ca];
        let flags: Vec<_> = listen.into_iter().chain(files).map(str::to_owned).collect();
        let server = start(&dir, &flags);
        let mut channels = BTreeMap::new();
        for name in names {
            let options = TlsOptions {
                cert_file: Some(path(&format!("{name}.crt"))),
                key_file: Some(path(&format!("{name}.key"))),
                trusted_ca_file: Some(path("ca.crt")),
                ..TlsOptions::default()
            };
            channels.insert(name.to_owned(), encrypted(server.endpoint(), options).await);
        }
        // What it shows names nobody, so that its token says who calls.
        World::settle(dir, server, channels[NAMELESS].clone(), channels).await
    }

    async fn settle(
        dir: tempfile::TempDir,
        server: Server,
        channel: Channel,
        channels: BTreeMap<String, Channel>,
    ) -> World {
        let mut world =
            World { channel, channels, root: String::new(), revision: 0, _server: server, _dir: dir };
        for user in users() {
            world.add(&user).await;
        }
        world.auth().auth_enable(pb::AuthEnableRequest {}).await.expect("enabled");
        world.root = world.log_in(ROOT).await;
        let status = world.auth().auth_status(by(Some(&world.root), pb::AuthStatusRequest {})).await;
        world.revision = status.expect("answered").into_inner().auth_revision;
        world.fill().await;
        world
    }

    /// A user and its roles, `NAME-0` and so on; the administrator's has no number.
    async fn add(&self, user: &User) {
        let mut auth = self.auth();
        let (name, password) = (user.name.to_owned(), PASSWORD.to_owned());
        // Where certificates name users, most of these have no password.
        let no_password = !self.channels.is_empty() && ![ROOT, "both"].contains(&user.name);
        let add = pb::AuthUserAddRequest {
            name,
            password: if no_password { String::new() } else { password },
            options: Some(UserAddOptions { no_password }),
            ..Default::default()
        };
        auth.user_add(add).await.expect("added");
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
        certificate.map_or(&self.channel, |name| &self.channels[name])
    }

    pub async fn log_in(&self, name: &str) -> String {
        self.try_log_in(name, PASSWORD).await.expect("logged in")
    }

    pub async fn try_log_in(&self, name: &str, password: &str) -> Result<String, tonic::Status> {
        let login = pb::AuthenticateRequest { name: name.into(), password: password.into() };
        Ok(self.auth().authenticate(login).await?.into_inner().token)
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
