//! The `etcdctl` program.

use oxetcd_cli::{args, ctl, exit, hide, log, print::Output, v2ctl};
use std::{os::unix::ffi::OsStringExt, process::ExitCode};

fn main() -> ExitCode {
    log::to_stderr();
    let args = std::env::args_os().skip(1).map(OsStringExt::into_vec).collect();
    hide::passwords();
    // One thread is enough for one command, and starts at once.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    let tasks = tokio::task::LocalSet::new();
    let out = Output::stdout();
    let code = match std::env::var("ETCDCTL_API").as_deref() {
        Ok("2") => tasks.block_on(&runtime, v2ctl::run(args, out)),
        Ok("3" | "") | Err(_) => tasks.block_on(&runtime, args::run(&ctl::ETCDCTL, args, out)),
        Ok(other) => {
            eprintln!("unsupported API version: {other}");
            exit::ERROR
        }
    };
    // Standard input may be blocked in a thread of the runtime; nothing waits for it.
    runtime.shutdown_background();
    ExitCode::from(code)
}
