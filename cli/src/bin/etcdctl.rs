//! The `etcdctl` program.

use oxetcd_cli::{args, ctl, log, print::Output};
use std::{os::unix::ffi::OsStringExt, process::ExitCode};

fn main() -> ExitCode {
    log::to_stderr();
    let args = std::env::args_os().skip(1).map(OsStringExt::into_vec).collect();
    // One thread is enough for one command, and starts at once.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    let tasks = tokio::task::LocalSet::new();
    let code = tasks.block_on(&runtime, args::run(&ctl::ETCDCTL, args, Output::stdout()));
    // Standard input may be blocked in a thread of the runtime; nothing waits for it.
    runtime.shutdown_background();
    ExitCode::from(code)
}
