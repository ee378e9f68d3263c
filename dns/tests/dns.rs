//! Look-ups against a name server of our own.

use oxetcd_dns::{Resolver, clients, members, testing::NameServer};

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

#[tokio::test]
async fn clients_find_members_of_both_kinds() {
    let server = NameServer::start([
        ("_etcd-client-ssl._tcp.example.org", "a.example.org.", 2379),
        ("_etcd-client._tcp.example.org", "b.example.org.", 2479),
        ("_etcd-client-x._tcp.example.org", "c.example.org.", 2579),
        ("_etcd-client-x._tcp.example.org", "d.example.org.", 2579),
    ]);
    let resolver = Resolver::asking(server.address());
    let found = clients(&resolver, "example.org", "").await.expect("both are known");
    assert_eq!(found, ["https://a.example.org.:2379", "http://b.example.org.:2479"]);
    let found = clients(&resolver, "example.org", "x").await.expect("one is known");
    assert_eq!(sorted(found), ["http://c.example.org.:2579", "http://d.example.org.:2579"]);
}

#[tokio::test]
async fn both_look_ups_are_named_when_there_is_nothing() {
    let server = NameServer::start([]);
    let resolver = Resolver::asking(server.address());
    let error = clients(&resolver, "example.org", "").await.expect_err("nothing is known");
    let on = server.address();
    assert_eq!(
        error.to_string(),
        format!(
            "dns lookup errors: lookup _etcd-client-ssl._tcp.example.org on {on}: no such host and \
             lookup _etcd-client._tcp.example.org on {on}: no such host"
        )
    );
}

#[tokio::test]
async fn a_member_finds_itself_by_its_address() {
    let server = NameServer::start([
        ("_etcd-server._tcp.example.org", "localhost.", 2380),
        ("_etcd-server._tcp.example.org", "localhost.", 2480),
        ("_etcd-server._tcp.example.org", "localhost.", 2580),
    ]);
    let resolver = Resolver::asking(server.address());
    let own = ["http://localhost:2480".to_owned()];
    let found = members(&resolver, "http", "etcd-server", "me", "example.org", &own).await.expect("known");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.contains(&"me=http://localhost:2480".to_owned()), "{found:?}");
    let names: Vec<_> =
        sorted(found).iter().map(|m| m.split('=').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(names, ["0", "1", "me"]);
}

#[tokio::test]
async fn a_scheme_of_ours_must_fit() {
    let server = NameServer::start([("_etcd-server._tcp.example.org", "localhost.", 2480)]);
    let resolver = Resolver::asking(server.address());
    let own = ["https://localhost:2480".to_owned()];
    let error =
        members(&resolver, "http", "etcd-server", "me", "example.org", &own).await.expect_err("it differs");
    assert_eq!(
        error.to_string(),
        "error querying DNS SRV records for _etcd-server bootstrap at http://localhost:2480 from DNS for \
         etcd-server has scheme mismatch with expected peer https://localhost:2480"
    );
    let error =
        members(&resolver, "https", "etcd-server-ssl", "me", "example.org", &own).await.expect_err("unknown");
    let on = server.address();
    assert_eq!(
        error.to_string(),
        format!(
            "error querying DNS SRV records for _etcd-server-ssl lookup \
             _etcd-server-ssl._tcp.example.org on {on}: no such host"
        )
    );
}
