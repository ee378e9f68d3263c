//! `get`: the value of a key.

use super::{cluster, key, refused};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    exit,
    v2ctl::{
        keys::{Get, Keys},
        show::show,
    },
};

pub(super) static SORT: Flag = Flag::switch("sort", "sort what is in a directory");
pub(super) static QUORUM: Flag =
    Flag::switch("quorum", "read what the majority of the members knows").short('q');

pub(super) static GET: Command = Command {
    usage: "<key>",
    flags: &[&SORT, &QUORUM],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("get", "shows the value of a key")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let cluster = cluster(invocation).await?;
    let key = key(invocation)?;
    let matches = &invocation.matches;
    let how = Get { recursive: false, sorted: matches.bool(&SORT), quorum: matches.bool(&QUORUM) };
    let answer = Keys(&cluster).get(&key, how).await.map_err(refused)?;
    if answer.node.dir {
        return Err(Failure::new(exit::ERROR, format!("{}: is a directory", answer.node.key)));
    }
    show(invocation, &answer);
    Ok(())
}
