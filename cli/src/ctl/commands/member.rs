//! `member`: who belongs to the cluster.

use super::{bad_args, expect_args, failed, is_serializable, parse_member_id};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::{MAINTENANCE, Session},
    exit,
    go::{quote::quote, url::check_member_url},
    print::{Format, MemberAction, MemberChanged},
};
use oxetcd_api::etcdserverpb::{
    MemberAddRequest, MemberAddResponse, MemberListRequest, MemberPromoteRequest, MemberRemoveRequest,
    MemberUpdateRequest,
};

static NEW_PEER_URLS: Flag =
    Flag::text("peer-urls", "", "URLs of the new member for its peers, separated by commas");
static PEER_URLS: Flag = Flag::text("peer-urls", "", "URLs of the member for its peers, separated by commas");
static LEARNER: Flag = Flag::switch("learner", "add the member as a learner, which does not vote");
static CONSISTENCY: Flag =
    Flag::text("consistency", "l", "l: linearizable, the newest list; s: serializable, what the member has")
        .choices(&["l", "s"]);

pub(super) static MEMBER: Command = Command {
    group: Some(MAINTENANCE),
    long: "Members: who belongs to the cluster",
    commands: &[&ADD, &LIST, &PROMOTE, &REMOVE, &UPDATE],
    ..Command::new("member", "Membership related commands. Use `etcdctl member --help` to see subcommands")
};

static ADD: Command = Command {
    usage: "<memberName> [options]",
    flags: &[&LEARNER, &NEW_PEER_URLS],
    run: Some(|invocation| Box::pin(add(invocation))),
    ..Command::new("add", "Adds a member to the cluster")
};

static REMOVE: Command = Command {
    usage: "<memberID>",
    run: Some(|invocation| Box::pin(remove(invocation))),
    ..Command::new("remove", "Removes a member from the cluster")
};

static UPDATE: Command = Command {
    usage: "<memberID> [options]",
    flags: &[&PEER_URLS],
    run: Some(|invocation| Box::pin(update(invocation))),
    ..Command::new("update", "Changes the peer URLs of a member")
};

static LIST: Command = Command {
    long: "Lists the members of the cluster. In the format \"simple\" each is a line of values with commas between:
ID, status, name, peer addresses, client addresses, whether it is a learner.
",
    flags: &[&CONSISTENCY],
    run: Some(|invocation| Box::pin(list(invocation))),
    ..Command::new("list", "Lists the members of the cluster")
};

static PROMOTE: Command = Command {
    usage: "<memberID>",
    long: "Makes a voting member of a learner, once it has caught up.\n",
    run: Some(|invocation| Box::pin(promote(invocation))),
    ..Command::new("promote", "Makes a voting member of a learner")
};

async fn add(invocation: &mut Invocation) -> Result<(), Failure> {
    let matches = &invocation.matches;
    match &matches.args[..] {
        [] => return Err(bad_args("member name not provided")),
        [_] => {}
        args => {
            let urls = args.iter().map(|arg| String::from_utf8_lossy(arg));
            let urls = urls.filter(|arg| arg.to_lowercase().starts_with("http"));
            let hints: Vec<_> = urls.map(|url| format!(", did you mean --peer-urls={url}")).collect();
            return Err(bad_args(format!("too many arguments{}", hints.concat())));
        }
    }
    let (name, peer_urls) = (matches.arg(0), matches.text(&NEW_PEER_URLS));
    let request =
        MemberAddRequest { peer_ur_ls: split_urls(&peer_urls)?, is_learner: matches.bool(&LEARNER) };
    let session = Session::begin(invocation)?;
    check_urls(&request.peer_ur_ls)?;
    let answer = session.connect_briefly().await?.member_add(request).await.map_err(failed)?;
    session.show(&answer)?;
    if session.style.format == Format::Simple {
        session.out.write(settings_of(&answer, &name, &peer_urls).as_bytes());
    }
    Ok(())
}

/// The settings that the new member is to be started with.
fn settings_of(answer: &MemberAddResponse, name: &str, peer_urls: &str) -> String {
    let new_id = answer.member.as_ref().map(|member| member.id);
    let mut cluster = Vec::new();
    for member in &answer.members {
        let name = if Some(member.id) == new_id { name } else { &member.name };
        cluster.extend(member.peer_ur_ls.iter().map(|url| format!("{name}={url}")));
    }
    format!(
        "\nETCD_NAME={}\nETCD_INITIAL_CLUSTER={}\nETCD_INITIAL_ADVERTISE_PEER_URLS={}\n\
         ETCD_INITIAL_CLUSTER_STATE=\"existing\"\n",
        quote(name),
        quote(cluster.join(",")),
        quote(peer_urls)
    )
}

async fn remove(invocation: &mut Invocation) -> Result<(), Failure> {
    let id = member_id(invocation)?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    let response = client.member_remove(MemberRemoveRequest { id }).await.map_err(failed)?;
    session.show(&MemberChanged { id, action: MemberAction::Removed, response })
}

async fn update(invocation: &mut Invocation) -> Result<(), Failure> {
    let id = member_id(invocation)?;
    let request = MemberUpdateRequest { id, peer_ur_ls: split_urls(&invocation.matches.text(&PEER_URLS))? };
    let session = Session::begin(invocation)?;
    check_urls(&request.peer_ur_ls)?;
    let response = session.connect_briefly().await?.member_update(request).await.map_err(failed)?;
    session.show(&MemberChanged { id, action: MemberAction::Updated, response })
}

async fn list(invocation: &mut Invocation) -> Result<(), Failure> {
    let linearizable = !is_serializable(&invocation.matches.text(&CONSISTENCY))?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    session.show(&client.member_list(MemberListRequest { linearizable }).await.map_err(failed)?)
}

async fn promote(invocation: &mut Invocation) -> Result<(), Failure> {
    let id = member_id(invocation)?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    let response = client.member_promote(MemberPromoteRequest { id }).await.map_err(failed)?;
    session.show(&MemberChanged { id, action: MemberAction::Promoted, response })
}

fn member_id(invocation: &Invocation) -> Result<u64, Failure> {
    expect_args(invocation, 1, "member ID is not provided")?;
    parse_member_id(&invocation.matches.args[0])
        .map_err(|error| bad_args(format!("bad member ID arg ({error}), expecting ID in Hex")))
}

fn check_urls(urls: &[String]) -> Result<(), Failure> {
    urls.iter()
        .try_for_each(|url| check_member_url(url).map_err(|problem| Failure::new(exit::ERROR, problem)))
}

fn split_urls(urls: &str) -> Result<Vec<String>, Failure> {
    if urls.is_empty() {
        return Err(bad_args("member peer urls not provided"));
    }
    Ok(urls.split(',').map(str::to_owned).collect())
}
