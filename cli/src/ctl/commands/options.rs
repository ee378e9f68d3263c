//! `options`: the flags that every command understands.

use crate::{
    args::{Command, Failure, Invocation, flag_lines},
    ctl::{UTILITY, global},
};

pub(super) static OPTIONS: Command = Command {
    group: Some(UTILITY),
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("options", "Shows the flags that all commands have in common")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    invocation.out.write(b"The following options can be passed to any command:\n\n");
    invocation.out.write(flag_lines(global::ALL).as_bytes());
    Ok(())
}
