//! The `etcd` program: reads its configuration, and runs one member, a gateway or a proxy until it is told to stop.

use oxetcd_server::{
    Member, check_config,
    config::{self, Config, Exit, Program, Run},
    logging, notify,
};
use std::{future::Future, process::ExitCode, time::Duration};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Costs less CPU than the system's under many threads. Built without huge pages, which were half of the process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long what runs beside a stopped member may take.
const LEFTOVERS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let outcome = match Run::load(&args) {
        Some(run) => run.map(|run| log_and_run(&run.log, &run.notices, proxy(run.program))),
        None if args.get(1).is_some_and(|arg| arg == "check-config") => {
            Err(check_config::run(&args[2..], &config::environment()))
        }
        None => Config::load(&args, &config::environment()).map(|config| {
            let (log, notices) = (config.log.clone(), config.notices.clone());
            log_and_run(&log, &notices, member(config))
        }),
    };
    outcome.unwrap_or_else(Exit::report)
}

/// Sets the log up and runs `program` to its end.
fn log_and_run(
    log: &logging::LogOptions,
    notices: &[logging::Notice],
    program: impl Future<Output = Result<(), String>>,
) -> ExitCode {
    let logging = match logging::init(log) {
        Ok(logging) => logging,
        Err(error) => {
            eprintln!("cannot set up logging: {error}");
            return ExitCode::FAILURE;
        }
    };
    logging::log_notices(notices);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(program);
            // Somebody's name may still be looked up.
            runtime.shutdown_timeout(LEFTOVERS);
            outcome
        }
        Err(error) => Err(format!("cannot start the runtime: {error}")),
    };
    if let Err(error) = &outcome {
        tracing::error!(target: logging::FATAL, error = %error, "etcd stopped");
    }
    drop(logging);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn member(config: Config) -> Result<(), String> {
    let mut signals = Signals::new()?;
    let member = tokio::select! {
        member = Member::start(config) => member?,
        // A start waits for other members, for ever perhaps. Nobody is served yet, and what was written is durable.
        () = signals.any() => return Ok(()),
    };
    notify::ready();
    tokio::select! {
        () = signals.any() => {}
        () = member.failed() => {}
    }
    member.stop().await
}

async fn proxy(program: Program) -> Result<(), String> {
    let mut signals = Signals::new()?;
    match program {
        Program::Gateway(options) => {
            let gateway = oxetcd_proxy::gateway::Gateway::bind(options).await?;
            notify::ready();
            tokio::select! { () = signals.any() => {}, () = gateway.run() => {} }
        }
        Program::GrpcProxy(options) => {
            let proxy = oxetcd_proxy::grpc::Proxy::bind(*options).await?;
            notify::ready();
            tokio::select! { () = signals.any() => {}, () = proxy.run() => {} }
        }
    }
    Ok(())
}

/// The signals that ask a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    async fn any(&mut self) {
        let signal = tokio::select! {
            _ = self.terminate.recv() => "terminated",
            _ = self.interrupt.recv() => "interrupt",
        };
        tracing::info!(signal, "received signal; shutting down");
    }
}
