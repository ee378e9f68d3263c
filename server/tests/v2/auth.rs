//! `/v2/auth`: users, roles and rights.

use crate::{
    ask::{Answer, ask_as},
    support::Server,
};
use serde_json::{Value, json};

const ROOT: &str = "Authorization: Basic cm9vdDpzZWNyZXQ=";
const ANN: &str = "Authorization: Basic YW5uOnB3";

/// Asks with JSON in the body, as somebody.
fn ask(server: &Server, who: &str, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let kind =
        if who.is_empty() { "application/json".to_owned() } else { format!("application/json\r\n{who}") };
    ask_as(server, method, path, &kind, &body)
}

fn status(server: &Server, who: &str, method: &str, path: &str, body: &Value) -> u16 {
    ask(server, who, method, path, body).status
}

#[test]
fn users_and_roles_are_kept_and_rights_judged() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &["--bcrypt-cost", "4"]);
    let none = Value::Null;
    let (code, enabled) = ask(&server, "", "GET", "/v2/auth/enable", &none).json();
    assert_eq!((code, enabled), (200, json!({"enabled": false})));
    let refused = ask(&server, "", "PUT", "/v2/auth/enable", &none).json();
    let text = "auth: No root user available, please create one";
    assert_eq!(refused, (409, json!({"message": text})));
    let root = json!({"user": "root", "password": "secret"});
    let (code, made) = ask(&server, "", "PUT", "/v2/auth/users/root", &root).json();
    assert_eq!((code, made), (201, json!({"user": "root", "roles": ["root"]})));
    let role = json!({"role": "reader", "permissions": {"kv": {"read": ["/pub/*"], "write": []}}});
    assert_eq!(status(&server, "", "PUT", "/v2/auth/roles/reader", &role), 201);
    let ann = json!({"user": "ann", "password": "pw", "roles": ["reader"]});
    assert_eq!(status(&server, "", "PUT", "/v2/auth/users/ann", &ann), 200);
    assert_eq!(status(&server, "", "PUT", "/v2/auth/enable", &none), 200);

    // A guest may do everything with keys, and nothing with users.
    assert_eq!(status(&server, "", "PUT", "/v2/keys/pub/a?value=1", &none), 201);
    assert_eq!(status(&server, "", "GET", "/v2/auth/users", &none), 401);
    let guest = json!({"role": "guest", "revoke": {"kv": {"read": ["/*"], "write": ["/*"]}}});
    assert_eq!(status(&server, ANN, "PUT", "/v2/auth/roles/guest", &guest), 401);
    let (code, left) = ask(&server, ROOT, "PUT", "/v2/auth/roles/guest", &guest).json();
    assert_eq!((code, &left["permissions"]["kv"]["read"]), (200, &json!([])));
    let (code, refused) = ask(&server, "", "GET", "/v2/keys/pub/a", &none).json();
    assert_eq!(
        (code, &refused["errorCode"], &refused["cause"]),
        (401, &json!(110), &json!("Insufficient credentials"))
    );
    assert_eq!(status(&server, ANN, "GET", "/v2/keys/pub/a", &none), 200);
    assert_eq!(status(&server, ANN, "PUT", "/v2/keys/pub/a?value=2", &none), 401);
    assert_eq!(status(&server, ANN, "GET", "/v2/keys/other", &none), 401);
    assert_eq!(status(&server, ANN, "GET", "/v2/keys/pub/?recursive=true", &none), 200);
    let wrong = "Authorization: Basic YW5uOnB4";
    assert_eq!(status(&server, wrong, "GET", "/v2/keys/pub/a", &none), 401);
    assert_eq!(status(&server, "", "POST", "/v2/members", &json!({"peerURLs": ["http://127.0.0.1:1"]})), 401);

    // All of it is in the log.
    server.kill();
    let server = Server::start(dir.path(), &["--bcrypt-cost", "4"]);
    let (_, users) = ask(&server, ROOT, "GET", "/v2/auth/users", &none).json();
    assert_eq!(users["users"][0]["user"], "ann");
    assert_eq!(users["users"][0]["roles"][0]["permissions"]["kv"]["read"], json!(["/pub/*"]));
    assert_eq!(status(&server, ROOT, "DELETE", "/v2/auth/users/root", &none), 403);
    assert_eq!(status(&server, ROOT, "DELETE", "/v2/auth/enable", &none), 200);
    assert_eq!(status(&server, "", "GET", "/v2/keys/other", &none), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_no_way_round_the_users_of_the_other_api() -> Result<(), etcd_client::Error> {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &["--bcrypt-cost", "4"]);
    let none = Value::Null;
    assert_eq!(status(&server, "", "PUT", "/v2/keys/a?value=1", &none), 201);
    let mut client = etcd_client::Client::connect([server.url()], None).await?;
    client.user_add("root", "secret", None).await?;
    client.role_add("root").await?;
    client.user_grant_role("root", "root").await?;
    client.auth_enable().await?;
    for (method, path) in [("GET", "/v2/keys/a"), ("PUT", "/v2/keys/a?value=2"), ("GET", "/v2/members")] {
        assert_eq!(status(&server, "", method, path, &none), 401, "{path}");
    }
    Ok(())
}
