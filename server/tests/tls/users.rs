//! A certificate's common name as a user.

use crate::{
    pki::{Pki, data_dir, strs, subject},
    support::Server,
    talk::{HOST, channel, http, put},
};
use oxetcd_api::{authpb::Permission, etcdserverpb as pb};
use oxetcd_grpc::etcdserverpb::auth_client::AuthClient;
use tonic::Code;

const PASSWORD: &str = "correct horse";

/// Users `root` and `alice`, who may read and write `a`.
async fn users(auth: &mut AuthClient<tonic::transport::Channel>) {
    for name in ["root", "alice"] {
        let (name, password) = (name.to_owned(), PASSWORD.to_owned());
        let role = pb::AuthRoleAddRequest { name: name.clone() };
        let grant = pb::AuthUserGrantRoleRequest { user: name.clone(), role: name.clone() };
        auth.user_add(pb::AuthUserAddRequest { name, password, ..Default::default() }).await.expect("added");
        auth.role_add(role).await.expect("added");
        auth.user_grant_role(grant).await.expect("granted");
    }
    let perm = Some(Permission { perm_type: 2, key: "a".into(), ..Default::default() });
    let grant = pb::AuthRoleGrantPermissionRequest { name: "alice".into(), perm };
    auth.role_grant_permission(grant).await.expect("granted");
    auth.auth_enable(pb::AuthEnableRequest {}).await.expect("enabled");
}

#[tokio::test]
async fn a_common_name_is_a_user() {
    let pki = Pki::new();
    pki.issue(&pki.ca, "root", &subject("root", &[], false, 20));
    pki.issue(&pki.ca, "mallory", &subject("mallory", &[], false, 21));
    let mut flags = pki.client_flags();
    flags.extend(["--bcrypt-cost", "4"].map(str::to_owned));
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    let to = server.endpoint();
    let as_root = channel(to, &pki.caller("root")).await.expect("connected");
    users(&mut AuthClient::new(as_root.clone())).await;

    put(&as_root, "anything").await.expect("root may");
    let alice = channel(to, &pki.caller("client")).await.expect("connected");
    put(&alice, "a").await.expect("alice may");
    let refused = put(&alice, "b").await.expect_err("alice may not");
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::PermissionDenied, "etcdserver: permission denied")
    );
    // Somebody who is no user, and a certificate that names nobody.
    let mallory = put(&channel(to, &pki.caller("mallory")).await.expect("connected"), "a").await;
    assert_eq!(mallory.expect_err("no user").message(), "etcdserver: permission denied");
    let nobody = put(&channel(to, &pki.caller("nameless")).await.expect("connected"), "a").await;
    assert_eq!(nobody.expect_err("nobody").message(), "etcdserver: user name is empty");

    // Over JSON a certificate is no user, and to name one is refused.
    let body = r#"{"key":"YQ==","value":"Yg=="}"#;
    for path in ["POST /v3/kv/put", "POST /v3beta/kv/put"] {
        let answer = http(to, &pki.caller("root"), path, &[HOST], body).await.expect("answered");
        let text =
            "CommonName of client sending a request against gateway will be ignored and not used as expected";
        assert_eq!((answer.status, answer.body.trim_end()), (400, text));
        assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    }
    let answer = http(to, &pki.caller("nameless"), "POST /v3/kv/put", &[HOST], body).await.expect("answered");
    assert!(answer.body.contains("etcdserver: user name is empty"), "{}", answer.body);
    assert_eq!(
        http(to, &pki.caller("root"), "GET /health", &[HOST], "").await.expect("answered").status,
        200
    );
    let login = format!(r#"{{"name":"alice","password":"{PASSWORD}"}}"#);
    let answer = http(to, &pki.caller("nameless"), "POST /v3/auth/authenticate", &[HOST], &login)
        .await
        .expect("answered");
    let token = answer.body.split_once("\"token\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let (token, _) = token.unwrap_or_else(|| panic!("no token in {}", answer.body));
    let headers = [HOST, ("Authorization", token)];
    let answer =
        http(to, &pki.caller("nameless"), "POST /v3/kv/put", &headers, body).await.expect("answered");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Without `--client-cert-auth` etcd does not look at names, even of certificates that it has checked.
#[tokio::test]
async fn a_common_name_is_nobody_where_certificates_are_not_asked_for() {
    let pki = Pki::new();
    pki.issue(&pki.ca, "root", &subject("root", &[], false, 20));
    let mut flags = pki.client_flags();
    flags.retain(|flag| flag != "--client-cert-auth");
    flags.extend(["--bcrypt-cost", "4"].map(str::to_owned));
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    let root = channel(server.endpoint(), &pki.caller("root")).await.expect("connected");
    users(&mut AuthClient::new(root.clone())).await;
    assert_eq!(put(&root, "a").await.expect_err("nobody").message(), "etcdserver: user name is empty");
}

/// The list of hosts keeps browsers out that were led here by a name; over TLS the certificate does.
#[tokio::test]
async fn over_tls_any_host_name_will_do() {
    let pki = Pki::new();
    let mut flags = pki.open_flags();
    flags.extend(["--host-whitelist", "good.example"].map(str::to_owned));
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    let host = [("Host", "evil.example")];
    let answer = http(server.endpoint(), &pki.stranger(), "GET /version", &host, "").await.expect("answered");
    assert_eq!(answer.status, 200, "{}", answer.body);
}
