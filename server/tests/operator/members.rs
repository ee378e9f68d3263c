//! Changes of the members by an operator: what is refused and in which words, joining, leaving.

use crate::support::{Server, http, http_get, run};
use etcd_client::{Client, Error, MemberAddOptions};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const MINE: &str = "http://127.0.0.1:2380";
const OTHER: &str = "http://127.0.0.1:1";

fn alone(dir: &tempfile::TempDir) -> Server {
    let cluster = format!("default={MINE}");
    Server::start(dir.path(), &["--initial-advertise-peer-urls", MINE, "--initial-cluster", &cluster])
}

/// Code and text of a refusal.
fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> (i32, String) {
    match answer {
        Err(Error::GRpcStatus(status)) => (status.code() as i32, status.message().to_owned()),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_in_etcds_words() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = alone(&dir);
    let mut client = Client::connect([server.url()], None).await?;
    let me = client.member_list().await?.members()[0].id();
    let not_found = (5, "etcdserver: member not found".to_owned());
    let not_learner = (9, "etcdserver: can only promote a learner member".to_owned());
    for urls in [vec![], vec!["http://x"], vec!["tcp://127.0.0.1:1"], vec!["http://127.0.0.1:1/path"]] {
        let bad = (3, "etcdserver: given member URLs are invalid".to_owned());
        assert_eq!(refusal(client.member_add(&urls[..], None).await), bad, "{urls:?}");
    }
    let taken = (9, "etcdserver: Peer URLs already exists".to_owned());
    assert_eq!(refusal(client.member_add([MINE], None).await), taken);
    assert_eq!(refusal(client.member_remove(7).await), not_found);
    assert_eq!(refusal(client.member_update(7, [OTHER.to_owned()]).await), not_found);
    assert_eq!(refusal(client.member_promote(7).await), not_found);
    assert_eq!(refusal(client.member_promote(me).await), not_learner);
    let quorum = (2, "etcdserver: re-configuration failed due to not enough started members".to_owned());
    assert_eq!(refusal(client.member_remove(me).await), quorum);
    let promote = |id: &str| {
        let answer = http(server.peer(), "POST", &format!("/members/promote/{id}"), "");
        (answer.status, answer.body)
    };
    assert_eq!(promote("x"), (404, "member x not found in cluster\n".to_owned()));
    assert_eq!(promote("7"), (404, "membership: ID not found\n".to_owned()));
    let text = "membership: can only promote a learner member\n";
    assert_eq!(promote(&me.to_string()), (412, text.to_owned()));
    assert_eq!(http_get(server.peer(), "/members/promote/7").0, 405);
    // Nothing of it has changed anything, and the member still takes writes.
    assert_eq!(client.member_list().await?.members().len(), 1);
    client.put("key", "value", None).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn learners_come_one_at_a_time_and_are_never_missed() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = alone(&dir);
    let mut client = Client::connect([server.url()], None).await?;
    let learner = Some(MemberAddOptions::new().with_is_learner());
    let added = client.member_add([OTHER], learner.clone()).await?;
    let id = added.member().ok_or("a member")?.id();
    assert_eq!(added.member_list().len(), 2);
    assert!(added.member().is_some_and(|member| member.is_learner()));
    let many = (9, "etcdserver: too many learner members in cluster".to_owned());
    assert_eq!(refusal(client.member_add(["http://127.0.0.1:2"], learner).await), many);
    let lags = "etcdserver: can only promote a learner member which is in sync with leader".to_owned();
    assert_eq!(refusal(client.member_promote(id).await), (9, lags));
    // It does not run, and has no vote: that is no hindrance.
    client.put("key", "value", None).await?;
    let moved = client.member_update(id, ["http://127.0.0.1:3".to_owned()]).await?;
    let urls: Vec<_> = moved.members().iter().filter(|member| member.id() == id).collect();
    assert_eq!(urls[0].peer_urls(), ["http://127.0.0.1:3"]);
    server.kill();
    let server = alone(&dir);
    let mut client = Client::connect([server.url()], None).await?;
    let kept = client.member_list().await?;
    assert_eq!(kept.members().iter().filter(|member| member.is_learner()).count(), 1);
    assert_eq!(client.member_remove(id).await?.members().len(), 1);
    let gone = (5, "etcdserver: member not found".to_owned());
    assert_eq!(refusal(client.member_remove(id).await), gone);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_not_added_does_not_join() -> Outcome {
    let (dir, joining) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let server = Server::start(dir.path(), &[]);
    let join = |cluster: &str| {
        let dir = joining.path().to_string_lossy().into_owned();
        let dirs = ["--name", "new", "--data-dir", &dir, "--initial-cluster-state", "existing"];
        let urls = ["--listen-client-urls", "http://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0"];
        let told = ["--advertise-client-urls", OTHER, "--initial-advertise-peer-urls", OTHER];
        run(&[&dirs[..], &urls, &told, &["--initial-cluster", cluster]].concat())
    };
    let peer = format!("http://{}", server.peer());
    for (cluster, wanted) in [
        (format!("old={peer},new={OTHER}"), "member count is unequal"),
        (format!("new={OTHER}"), "cannot fetch cluster info from peer urls"),
        (format!("old={peer}"), "couldn't find local name"),
    ] {
        let refused = join(&cluster);
        assert!(!refused.status.success() && refused.output.contains(wanted), "{}", refused.output);
    }
    assert!(std::fs::read_dir(joining.path())?.next().is_none(), "nothing was written");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_version_is_settled_before_it_serves() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = alone(&dir);
    let version = r#"{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}"#.to_owned();
    assert_eq!(http_get(server.endpoint(), "/version"), (200, version.clone()));
    // There is nothing to raise, and that is no mistake.
    let raised = http(server.endpoint(), "POST", "/cluster/version/raise", "");
    assert_eq!((raised.status, raised.body), (200, version));
    assert_eq!(http_get(server.endpoint(), "/cluster/version/raise").0, 405);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_member_is_made_a_cluster_of_its_own() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = alone(&dir);
    let mut client = Client::connect([server.url()], None).await?;
    client.put("key", "value", None).await?;
    // The second voter never comes: the cluster has lost its quorum.
    client.member_add([OTHER], None).await?;
    server.kill();
    let forced = Server::start(dir.path(), &["--force-new-cluster"]);
    let mut client = Client::connect([forced.url()], None).await?;
    assert_eq!(client.member_list().await?.members().len(), 1);
    assert_eq!(client.get("key", None).await?.kvs()[0].value(), b"value");
    client.put("key", "again", None).await?;
    assert!(forced.terminate().success());
    // Once is enough.
    let server = alone(&dir);
    let mut client = Client::connect([server.url()], None).await?;
    assert_eq!(client.member_list().await?.members().len(), 1);
    assert_eq!(client.get("key", None).await?.kvs()[0].value(), b"again");
    Ok(())
}
