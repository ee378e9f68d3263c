//! `cluster-health`: whether every member says that it is healthy.
//!
//! What it prints is shared with the command of the same name that etcdctl has without `ETCDCTL_API=2`; they differ in how
//! they learn who the members are.

use crate::{
    args::{Command, Failure, Flag, Invocation},
    exit,
    interrupt::Interrupt,
    print::Output,
    v2ctl::{cluster::Cluster, failed, members::Members},
};
use std::time::Duration;

/// How long `--forever` pauses.
const PAUSE: Duration = Duration::from_secs(10);

static FOREVER: Flag = Flag::switch("forever", "again every 10 seconds, until ^C").short('f');

pub(super) static CLUSTER_HEALTH: Command = Command {
    flags: &[&FOREVER],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("cluster-health", "checks whether all members are healthy")
};

/// A member, as far as this is about it.
pub(crate) struct MemberHealth {
    /// Its id in hexadecimal.
    pub(crate) id: String,
    /// Where it listens.
    pub(crate) client_urls: Vec<String>,
}

/// What the page `/health` of a member said, or why it could not be read.
pub(crate) type Checked = Result<bytes::Bytes, String>;

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let settings = Cluster::new(&invocation.matches, &invocation.out)?;
    if invocation.matches.bool(&crate::v2ctl::global::DEBUG) {
        eprintln!("Cluster-Endpoints: {}", settings.shown_endpoints());
    }
    let members = Members(&settings).list(settings.deadline()).await.map_err(|problem| {
        invocation.out.line("cluster may be unhealthy: failed to list members");
        failed(exit::BAD_FEATURE, problem.shown())
    })?;
    let members: Vec<_> = members
        .into_iter()
        .map(|member| MemberHealth { id: member.id, client_urls: member.client_urls })
        .collect();
    let check = async |url: &str| settings.page(url, "/health").await;
    judge(&members, invocation.matches.bool(&FOREVER), &invocation.out, check).await
}

/// Checks all members, once or for ever, and says what it found. `check` gets the page `/health` from a URL.
///
/// # Errors
/// When it checks once, and not all are healthy.
pub(crate) async fn judge(
    members: &[MemberHealth],
    forever: bool,
    out: &Output,
    check: impl AsyncFn(&str) -> Checked,
) -> Result<(), Failure> {
    // Before the first line: whoever has seen that may press ^C.
    let mut interrupt = if forever { Some(Interrupt::listen()?) } else { None };
    loop {
        let mut healthy = 0;
        for member in members {
            healthy += usize::from(is_healthy(member, out, &check).await);
        }
        out.line(match healthy {
            all if all == members.len() => "cluster is healthy",
            0 => "cluster is unavailable",
            _ => "cluster is degraded",
        });
        let Some(interrupt) = &mut interrupt else {
            let all = healthy == members.len();
            return if all { Ok(()) } else { Err(Failure::silent(exit::INTERRUPTED)) };
        };
        out.line("\nnext check after 10 second...\n");
        out.flush();
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = interrupt.received() => return Ok(()),
        }
    }
}

async fn is_healthy(member: &MemberHealth, out: &Output, check: &impl AsyncFn(&str) -> Checked) -> bool {
    let id = &member.id;
    if member.client_urls.is_empty() {
        out.line(format_args!("member {id} is unreachable: no available published client urls"));
        return false;
    }
    for url in &member.client_urls {
        let problem = match check(url).await {
            Err(why) => format!("Get \"{url}/health\": {why}"),
            Ok(page) => match said_healthy(&page) {
                Ok(true) => {
                    out.line(format_args!("member {id} is healthy: got healthy result from {url}"));
                    return true;
                }
                Ok(false) => {
                    out.line(format_args!("member {id} is unhealthy: got unhealthy result from {url}"));
                    return false;
                }
                Err(why) => why,
            },
        };
        out.line(format_args!("failed to check the health of member {id} on {url}: {problem}"));
    }
    out.line(format_args!(
        "member {id} is unreachable: [{}] are all unreachable",
        member.client_urls.join(" ")
    ));
    false
}

/// Reads the page `/health`: releases differ in whether the verdict is a word or a boolean.
fn said_healthy(page: &[u8]) -> Result<bool, String> {
    let page: serde_json::Value = serde_json::from_slice(page).map_err(|error| error.to_string())?;
    Ok(match &page["health"] {
        serde_json::Value::String(word) => word == "true",
        serde_json::Value::Bool(verdict) => *verdict,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn judged(pages: &[(&str, &str)]) -> (Result<(), Failure>, String) {
        let member = |(id, _): &(&str, &str)| MemberHealth {
            id: (*id).to_owned(),
            client_urls: vec![format!("http://{id}")],
        };
        let members: Vec<_> = pages.iter().map(member).collect();
        let out = Output::memory();
        let check = async |url: &str| {
            let page = pages.iter().find(|(id, _)| url.ends_with(id)).map(|(_, page)| *page);
            page.filter(|page| !page.is_empty())
                .map(|page| bytes::Bytes::copy_from_slice(page.as_bytes()))
                .ok_or_else(|| "refused".to_owned())
        };
        let verdict = judge(&members, false, &out, check).await;
        (verdict, String::from_utf8(out.contents()).expect("is text"))
    }

    #[tokio::test]
    async fn the_cluster_is_as_healthy_as_its_members() {
        const WELL: &str = r#"{"health":"true","reason":""}"#;
        let (verdict, said) = judged(&[("a", WELL), ("b", r#"{"health":true}"#)]).await;
        assert_eq!(verdict, Ok(()));
        assert!(
            said.ends_with("member b is healthy: got healthy result from http://b\ncluster is healthy\n")
        );
        let (verdict, said) = judged(&[("a", WELL), ("b", r#"{"health":"false"}"#)]).await;
        assert_eq!(verdict, Err(Failure::silent(5)));
        assert!(said.ends_with("got unhealthy result from http://b\ncluster is degraded\n"), "{said}");
        let (_, said) = judged(&[("a", "")]).await;
        assert!(said.ends_with("[http://a] are all unreachable\ncluster is unavailable\n"), "{said}");
    }
}
