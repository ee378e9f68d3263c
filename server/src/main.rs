//! The `etcd` program: reads its configuration, runs one member until it is told to stop.

use oxetcd_server::{
    Member, check_config,
    config::{self, Config},
    logging,
};
use std::{process::ExitCode, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// Costs less CPU than the system's under many threads. Built without huge pages, which were half of the process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long what runs beside a stopped member may take.
const LEFTOVERS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    if args.get(1).is_some_and(|arg| arg == "check-config") {
        return check_config::run(&args[2..], &config::environment()).report();
    }
    let config = match Config::load(&args, &config::environment()) {
        Ok(config) => config,
        Err(exit) => return exit.report(),
    };
    let logging = match logging::init(&config.log) {
        Ok(logging) => logging,
        Err(error) => {
            eprintln!("cannot set up logging: {error}");
            return ExitCode::FAILURE;
        }
    };
    logging::log_notices(&config.notices);
    let outcome = run(config);
    if let Err(error) = &outcome {
        tracing::error!(target: logging::FATAL, error = %error, "etcd stopped");
    }
    drop(logging);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(config: Config) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let outcome = runtime.block_on(async {
        let failed = |error| format!("cannot listen for signals: {error}");
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let told = async {
            tokio::select! {
                _ = terminate.recv() => tracing::info!(signal = "terminated", "received signal; shutting down"),
                _ = interrupt.recv() => tracing::info!(signal = "interrupt", "received signal; shutting down"),
            }
        };
        tokio::pin!(told);
        let member = tokio::select! {
            member = Member::start(config) => member?,
            // A start waits for other members, for ever perhaps. Nobody is served yet, and what was written is durable.
            () = &mut told => return Ok(()),
        };
        tokio::select! {
            () = &mut told => {}
            () = member.failed() => {}
        }
        member.stop().await
    });
    // Somebody's name may still be looked up.
    runtime.shutdown_timeout(LEFTOVERS);
    outcome
}
