//! The `etcdutl` program.

use oxetcd_cli::{args, log, print::Output, utl};
use std::{os::unix::ffi::OsStringExt, process::ExitCode};

fn main() -> ExitCode {
    log::to_stderr();
    let args = std::env::args_os().skip(1).map(OsStringExt::into_vec).collect();
    // Most commands wait for nothing but files.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    ExitCode::from(runtime.block_on(args::run(&utl::ETCDUTL, args, Output::stdout())))
}
