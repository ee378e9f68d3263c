//! `rm` and `rmdir`.

use super::{cluster, key, refused};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    v2ctl::{
        keys::{Delete, Keys},
        show::{is_simple, show},
    },
};

static DIR: Flag = Flag::switch("dir", "also if it is an empty directory");
static RECURSIVE: Flag = Flag::switch("recursive", "with all that is below").short('r');
static WITH_VALUE: Flag = Flag::text("with-value", "", "only if the value is this one");
static WITH_INDEX: Flag = Flag::int("with-index", "only if the key was modified at this index");

pub(super) static RM: Command = Command {
    usage: "<key>",
    flags: &[&DIR, &RECURSIVE, &WITH_VALUE, &WITH_INDEX],
    run: Some(|invocation| Box::pin(remove(invocation, false))),
    ..Command::new("rm", "removes a key or a directory")
};
pub(super) static RMDIR: Command = Command {
    usage: "<key>",
    run: Some(|invocation| Box::pin(remove(invocation, true))),
    ..Command::new("rmdir", "removes a key or an empty directory")
};

async fn remove(invocation: &mut Invocation, dir: bool) -> Result<(), Failure> {
    let cluster = cluster(invocation).await?;
    let key = key(invocation)?;
    let matches = &invocation.matches;
    let how = Delete {
        dir: dir || matches.bool(&DIR),
        recursive: matches.bool(&RECURSIVE),
        previous_value: matches.text(&WITH_VALUE),
        previous_index: matches.int(&WITH_INDEX).cast_unsigned(),
    };
    let answer = Keys(&cluster).delete(&key, &how).await.map_err(refused)?;
    if !answer.node.dir || !is_simple(invocation) {
        show(invocation, &answer);
    }
    Ok(())
}
