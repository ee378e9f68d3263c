//! `member`: who is in the cluster, and changes of that.

use super::{cluster, expect_none, expect_one, plain};
use crate::{
    args::{Command, Failure, Invocation},
    go::quote::quote,
    v2ctl::members::Members,
};

pub(super) static MEMBER: Command = Command {
    commands: &[&LIST, &ADD, &REMOVE, &UPDATE],
    ..Command::new("member", "lists, adds, removes and updates members")
};
static LIST: Command = Command {
    run: Some(|invocation| Box::pin(list(invocation))),
    ..Command::new("list", "lists the members")
};
static ADD: Command = Command {
    usage: "<name> <peerURL>",
    run: Some(|invocation| Box::pin(add(invocation))),
    ..Command::new("add", "adds a member")
};
static REMOVE: Command = Command {
    usage: "<memberID>",
    run: Some(|invocation| Box::pin(remove(invocation))),
    ..Command::new("remove", "removes a member")
};
static UPDATE: Command = Command {
    usage: "<memberID> <peerURLs>",
    run: Some(|invocation| Box::pin(update(invocation))),
    ..Command::new("update", "changes the peer URLs of a member")
};

async fn list(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_none(invocation)?;
    let cluster = cluster(invocation).await?;
    let (members, deadline) = (Members(&cluster), cluster.deadline());
    let all = members.list(deadline).await.map_err(plain)?;
    let leader = members.leader(deadline).await;
    let leader = leader.map_err(|problem| plain(format!("Failed to get leader:  {problem}")))?;
    for member in all {
        let (id, peers) = (&member.id, member.peer_urls.join(","));
        if member.name.is_empty() {
            invocation.out.line(format_args!("{id}[unstarted]: peerURLs={peers}"));
        } else {
            invocation.out.line(format_args!(
                "{id}: name={} peerURLs={peers} clientURLs={} isLeader={}",
                member.name,
                member.client_urls.join(","),
                member.id == leader.id
            ));
        }
    }
    Ok(())
}

async fn add(invocation: &mut Invocation) -> Result<(), Failure> {
    if invocation.matches.args.len() != 2 {
        return Err(plain("Provide a name and a single member peerURL"));
    }
    let (name, url) = (invocation.matches.arg(0), invocation.matches.arg(1));
    let cluster = cluster(invocation).await?;
    let (members, deadline) = (Members(&cluster), cluster.deadline());
    let added = members.add(&url, deadline).await.map_err(plain)?;
    let out = &invocation.out;
    out.line(format_args!("Added member named {name} with ID {} to cluster", added.id));
    let all = members.list(deadline).await.map_err(plain)?;
    let peers = all.iter().flat_map(|member| {
        let name = if member.id == added.id { &name } else { &member.name };
        member.peer_urls.iter().map(move |url| format!("{name}={url}"))
    });
    let peers = peers.collect::<Vec<_>>().join(",");
    out.line(format_args!("\nETCD_NAME={}", quote(&name)));
    out.line(format_args!("ETCD_INITIAL_CLUSTER={}", quote(&peers)));
    out.line("ETCD_INITIAL_CLUSTER_STATE=\"existing\"");
    Ok(())
}

async fn remove(invocation: &mut Invocation) -> Result<(), Failure> {
    let id = expect_one(invocation, "Provide a single member ID")?;
    let cluster = cluster(invocation).await?;
    let (members, deadline) = (Members(&cluster), cluster.deadline());
    let all = members.list(deadline).await;
    let all =
        all.map_err(|problem| plain(format!("Error while verifying ID against known members: {problem}")))?;
    if let Some(member) = all.iter().find(|member| member.name == id) {
        eprintln!(
            "Found a member named {}; if this is correct, please use its ID, eg:\n\tetcdctl member remove {}\n\
             For more details, read the documentation at \
             https://github.com/etcd-io/etcd/blob/main/Documentation/runtime-configuration.md#remove-a-member\n",
            member.name, member.id
        );
    }
    if !all.iter().any(|member| member.id == id) {
        return Err(plain(format!("Couldn't find a member in the cluster with an ID of {id}.")));
    }
    let removed = members.remove(&id, deadline).await;
    removed.map_err(|problem| plain(format!("Received an error trying to remove member {id}: {problem}")))?;
    invocation.out.line(format_args!("Removed member {id} from cluster"));
    Ok(())
}

async fn update(invocation: &mut Invocation) -> Result<(), Failure> {
    if invocation.matches.args.len() != 2 {
        return Err(plain(
            "Provide an ID and a list of comma separated peerURL (0xabcd http://example.com,http://example1.com)",
        ));
    }
    let (id, urls) = (invocation.matches.arg(0), invocation.matches.arg(1));
    let cluster = cluster(invocation).await?;
    let urls: Vec<&str> = urls.split(',').collect();
    Members(&cluster).update(&id, &urls, cluster.deadline()).await.map_err(plain)?;
    invocation.out.line(format_args!("Updated member with ID {id} in cluster"));
    Ok(())
}
