//! `cluster-health`: whether every member says that it is healthy.
//!
//! etcd's tool has it for version 2 of the API only; people's notes call it without saying which version they mean. Here the
//! members are asked for over gRPC, and each of them for its page `/health`.

use super::failed;
use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::{MAINTENANCE, Session},
    v2ctl::{MemberHealth, judge},
};
use oxetcd_api::etcdserverpb::MemberListRequest;

static FOREVER: Flag = Flag::switch("forever", "check again every 10 seconds, until ^C").short('f');

pub(super) static CLUSTER_HEALTH: Command = Command {
    group: Some(MAINTENANCE),
    flags: &[&FOREVER],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("cluster-health", "Checks whether all members are healthy")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    // Any member's word will do: a cluster without a leader is to be judged, too.
    let list = client.member_list(MemberListRequest { linearizable: false }).await.map_err(|error| {
        session.out.line("cluster may be unhealthy: failed to list members");
        failed(error)
    })?;
    let members = list.members.into_iter();
    let members = members
        .map(|member| MemberHealth { id: format!("{:x}", member.id), client_urls: member.client_ur_ls })
        .collect::<Vec<_>>();
    let check = async |url: &str| {
        let page = tokio::time::timeout_at(session.deadline(), session.http_get(url, "/health"));
        page.await.unwrap_or_else(|_| Err("context deadline exceeded".to_owned()))
    };
    judge(&members, invocation.matches.bool(&FOREVER), &session.out, check).await
}
