//! The paths for probes, on the listener for clients: exactly what etcd answers.

use crate::support::{Server, http};

#[test]
fn probes_get_what_etcd_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let check = |method: &str, path: &str, status: u16, body: &str| {
        let answer = http(server.endpoint(), method, path, "");
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{method} {path}");
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"), "{method} {path}");
        answer
    };
    let nothing = "404 page not found\n";
    let refused = "Method Not Allowed\n";
    for path in ["/health", "/health?serializable=true", "/health?exclude=NOSPACE&exclude=CORRUPT"] {
        check("GET", path, 200, "{\"health\":\"true\",\"reason\":\"\"}");
    }
    let ready = ["data_corruption", "serializable_read", "linearizable_read", "non_learner"];
    let lines: Vec<String> = ready.iter().map(|name| format!("[+]{name} ok\n")).collect();
    let fine = check("GET", "/readyz", 200, "ok\n");
    assert_eq!(fine.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(fine.header("X-Content-Type-Options"), Some("nosniff"));
    check("GET", "/readyz?verbose", 200, &(lines.concat() + "ok\n"));
    let excluding = "/readyz?verbose&exclude=linearizable_read&exclude=non_learner&exclude=nope";
    check("GET", excluding, 200, &(lines[..2].concat() + "ok\n"));
    check("GET", "/livez?verbose", 200, "[+]serializable_read ok\nok\n");
    for name in ready {
        check("GET", &format!("/readyz/{name}"), 200, "ok\n");
        check("GET", &format!("/readyz/{name}?verbose"), 200, &format!("[+]{name} ok\nok\n"));
    }
    for path in ["/livez/linearizable_read", "/livez/", "/readyz/nope", "/health/", "/"] {
        check("GET", path, 404, nothing);
        check("POST", path, 404, nothing);
    }
    for path in ["/health", "/livez", "/readyz", "/livez/serializable_read", "/version", "/debug/vars"] {
        let answer = check("POST", path, 405, refused);
        assert_eq!(answer.header("Allow"), Some("GET"), "{path}");
        check("HEAD", path, 405, "");
        assert_eq!(check("OPTIONS", path, 200, "").header("Content-Type"), None);
    }
    let version = "{\"etcdserver\":\"3.7.1\",\"etcdcluster\":\"3.7.0\",\"storage\":\"3.7.0\"}";
    assert_eq!(check("GET", "/version", 200, version).header("Content-Type"), Some("application/json"));
    let metrics = http(server.endpoint(), "GET", "/metrics", "").body;
    for line in [
        "etcd_server_health_success 3",
        "etcd_server_health_failures 0",
        "etcd_server_healthcheck{name=\"non_learner\",type=\"readyz\"} 1",
        "etcd_server_healthchecks_total{name=\"non_learner\",status=\"success\",type=\"readyz\"} 4",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}");
    }
}
