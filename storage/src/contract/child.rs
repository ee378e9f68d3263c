//! Parts of tests that need a process of their own: to be killed, to be short of room, or just to be another.
//!
//! The test's program starts itself again, with only the test `child`, which learns from the environment what
//! to do. What it reports are lines that begin with a mark, since the test harness writes lines of its own.

use super::{Subject, crashes, full};
use crate::Error;
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const TASK: &str = "OXETCD_CONTRACT_TASK";
const DIR: &str = "OXETCD_CONTRACT_DIR";
const MARK: &str = "contract:";

/// How to start the test `child` of this program.
pub struct Child {
    test: String,
}

impl Child {
    /// The test `child` in the module that `module_path!()` names.
    pub fn new(module_path: &str) -> Self {
        // The harness leaves out the crate.
        let test = match module_path.split_once("::") {
            Some((_, module)) => format!("{module}::child"),
            None => "child".to_owned(),
        };
        Child { test }
    }

    /// A command that does `task` in `dir`. `shell` runs before it in the same process, and ends in
    /// `exec "$@"`; it finds `dir` as `$0`.
    pub(super) fn command(&self, task: &str, dir: &Path, shell: Option<&str>) -> Command {
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = match shell {
            None => Command::new(program),
            Some(script) => {
                let mut command = Command::new("sh");
                command.args(["-c", script]).arg(dir).arg(program);
                command
            }
        };
        command.args([&self.test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(TASK, task).env(DIR, dir).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }
}

/// What a child reports, in order.
pub(super) fn reports(child: &mut std::process::Child) -> impl Iterator<Item = String> + use<> {
    let out = child.stdout.take().expect("is piped");
    let lines = BufReader::new(out).lines().map_while(Result::ok);
    lines.filter_map(|line| Some(line.split_once(MARK)?.1.to_owned()))
}

/// Reports to the parent.
pub(super) fn report(what: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more when the parent is gone; then this process is about to be killed.
    let _ = writeln!(out, "{MARK}{what}").and_then(|()| out.flush());
}

/// Does what the environment says; the whole of the test `child`.
///
/// # Panics
/// When it is not called by another test of this program, or when the engine breaks the contract.
pub fn run_child<S: Subject>(subject: &S) {
    let task = std::env::var(TASK).expect("is only run by other tests");
    let dir = PathBuf::from(std::env::var_os(DIR).expect("comes with the task"));
    match &task[..] {
        "commit" => crashes::commit_for_ever(subject, &dir),
        "defragment" => crashes::commit_beside_defragmenting(subject, &dir),
        "fill" => full::fill_up(subject, &dir),
        "open" => report(match subject.open(&dir) {
            Ok(_) => "open".to_owned(),
            Err(Error::Locked(_)) => "locked".to_owned(),
            Err(error) => format!("failed: {error}"),
        }),
        task => panic!("no such task: {task}"),
    }
}
