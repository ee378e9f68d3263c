//! `help`: shows the help of another command.

use crate::args::{Command, show_help};

pub(super) static HELP: Command = Command {
    usage: "[command]",
    long: "Shows the help text of a command: etcdutl help [words of the command].",
    run: Some(|invocation| Box::pin(show_help(invocation))),
    ..Command::new("help", "Help about any command")
};
