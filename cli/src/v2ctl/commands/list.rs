//! `ls`: what is in a directory.

use super::{
    cluster,
    read::{QUORUM, SORT},
    refused,
};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    print::Output,
    v2ctl::{
        keys::{Get, Keys, Node},
        show::{is_simple, show},
    },
};

static RECURSIVE: Flag = Flag::switch("recursive", "with all that is below").short('r');
/// Its only name has one letter.
static SLASHES: Flag = Flag::switch("p", "append a slash to directories");

pub(super) static LS: Command = Command {
    usage: "[key]",
    flags: &[&SORT, &RECURSIVE, &SLASHES, &QUORUM],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("ls", "lists a directory")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let cluster = cluster(invocation).await?;
    let matches = &invocation.matches;
    let key = if matches.args.is_empty() { "/".to_owned() } else { matches.arg(0) };
    let how = Get {
        recursive: matches.bool(&RECURSIVE),
        sorted: matches.bool(&SORT),
        quorum: matches.bool(&QUORUM),
    };
    let answer = Keys(&cluster).get(&key, how).await.map_err(refused)?;
    if !is_simple(invocation) {
        show(invocation, &answer);
        return Ok(());
    }
    if !answer.node.dir {
        invocation.out.line(&answer.node.key);
    }
    list(answer.node.nodes.as_deref().unwrap_or_default(), matches.bool(&SLASHES), &invocation.out);
    Ok(())
}

fn list(nodes: &[Node], slashes: bool, out: &Output) {
    for node in nodes {
        let slash = if node.dir && slashes { "/" } else { "" };
        out.line(format_args!("{}{slash}", node.key));
        list(node.nodes.as_deref().unwrap_or_default(), slashes, out);
    }
}
