//! One script, run with one pair.

use super::{
    column::Column,
    files::Files,
    identity,
    normalise::Normaliser,
    script::{Action, Call, Script, Tool},
};
use crate::process::{Addresses, Plan, Server};
use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::HashMap,
    fs::{self, File},
    io::Write,
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A command that takes longer than this is killed, and that is its result.
const LIMIT: Duration = Duration::from_secs(30);
/// Length of `{large}`.
const LARGE_BYTES: usize = 4096;
const POLL: Duration = Duration::from_millis(5);

/// What a command showed, made comparable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) status: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What each step of a script showed; `None` for steps that show nothing.
pub(crate) type Records = Vec<Option<Record>>;

/// A call that runs.
struct Job {
    child: Child,
    /// Open for as long as the job is to go on reading.
    stdin: Option<ChildStdin>,
    stdout: PathBuf,
    stderr: PathBuf,
    /// Whether it was asked for hexadecimal numbers.
    hex: bool,
}

struct Runner<'a> {
    column: &'a Column,
    /// The version of the API that etcdctl is to speak.
    api: &'a str,
    client: String,
    dir: &'a Path,
    files: &'a Path,
    captured: HashMap<String, String>,
    jobs: HashMap<String, Job>,
    normaliser: Normaliser,
    /// Numbers the output files.
    calls: usize,
}

/// Runs a script on a fresh server, or on what one has left.
pub(crate) fn run(script: &Script, column: &Column, files: &Files) -> Result<Records> {
    let data = TempDir::with_prefix("compat-")?;
    let scratch = TempDir::with_prefix("compat-")?;
    let mut server = None;
    if script.on_files {
        files.copy(column, data.path())?;
    } else {
        server = Some(start_server(script, column, data.path())?);
    }
    let address = |of: fn(&Server) -> SocketAddr| server.as_ref().map(|server| of(server).to_string());
    // Where nothing runs, nothing listens.
    let (client, peer) = (address(Server::client), address(Server::peer));
    let client = client.unwrap_or_else(|| "127.0.0.1:1".to_owned());
    let (dir, data_dir) = (scratch.path().to_string_lossy(), data.path().to_string_lossy());
    let normaliser =
        Normaliser::new(&client, &peer.unwrap_or_default(), &[(&dir, "<dir>"), (&data_dir, "<files>")]);
    let mut runner = Runner {
        column,
        api: &script.api,
        client,
        dir: scratch.path(),
        files: data.path(),
        captured: HashMap::new(),
        jobs: HashMap::new(),
        normaliser,
        calls: 0,
    };
    let mut records = Vec::with_capacity(script.steps.len());
    for step in &script.steps {
        records.push(runner.step(&step.action).with_context(|| format!("line {}", step.line))?);
        if let Some(server) = &mut server
            && let Some(status) = server.ended()?
        {
            anyhow::bail!("the server ended ({status}) at line {}: {}", step.line, server.log_tail());
        }
    }
    Ok(records)
}

fn start_server(script: &Script, column: &Column, dir: &Path) -> Result<Server> {
    let addresses = Addresses::free();
    let token = identity::token(&format!("http://{}", addresses.peer));
    let mut extra = vec![format!("--initial-cluster-token={token}")];
    extra.extend_from_slice(&script.server_args);
    let plan = Plan { program: &column.server, name: "default", dir, extra: &extra };
    Server::start_at(&plan, addresses)
}

impl Runner<'_> {
    fn step(&mut self, action: &Action) -> Result<Option<Record>> {
        match action {
            Action::Run { call, capture } => {
                let mut job = self.start(call)?;
                job.stdin = None;
                let status = wait(&mut job.child)?;
                let (record, raw) = self.record(&job, status)?;
                if let (Some(name), Some(id)) = (capture, self.normaliser.first_id(&raw)) {
                    self.captured.insert(name.clone(), id);
                }
                Ok(Some(record))
            }
            Action::Start { job, call } => {
                let started = self.start(call)?;
                self.jobs.insert(job.clone(), started);
                Ok(None)
            }
            Action::Stop { job, lines } => {
                let mut job = self.jobs.remove(job).with_context(|| format!("no job {job}"))?;
                let status = interrupt_after(&mut job, *lines)?;
                Ok(Some(self.record(&job, status)?.0))
            }
            Action::Pause { ms } => {
                thread::sleep(Duration::from_millis(*ms));
                Ok(None)
            }
        }
    }

    fn start(&mut self, call: &Call) -> Result<Job> {
        self.calls += 1;
        let file = |kind: &str| self.dir.join(format!(".{kind}-{}", self.calls));
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        let program = match call.tool {
            Tool::Ctl => self.column.ctl.as_path(),
            Tool::Utl => self.column.utl.as_path(),
            Tool::Curl => Path::new("curl"),
        };
        let mut command = Command::new(program);
        // Nothing of the caller's environment may speak to one program and not to the other.
        let kept = ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.env_clear().envs(kept);
        if call.tool == Tool::Ctl {
            command.env("ETCDCTL_API", self.api);
            if !call.args.iter().any(|arg| arg.starts_with("--endpoint")) {
                let scheme = if self.api == "2" { "http://" } else { "" };
                command.env("ETCDCTL_ENDPOINTS", format!("{scheme}{}", self.client));
            }
        }
        command.envs(call.env.iter().map(|(name, value)| (name, self.fill(value))));
        command.args(call.args.iter().map(|arg| self.fill(arg))).current_dir(self.dir);
        command.stdin(if call.stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // Whoever does not read its input is free to do so.
            let _ = stdin.write_all(self.fill(&call.stdin).as_bytes());
        }
        let hex = call.args.iter().any(|arg| arg == "--hex")
            || call.env.iter().any(|(name, _)| name == "ETCDCTL_HEX");
        Ok(Job { child, stdin, stdout, stderr, hex })
    }

    /// Replaces `{client}`, `{dir}`, `{files}`, `{large}` and captured names.
    fn fill(&self, text: &str) -> String {
        let known = text.replace("{client}", &self.client).replace("{dir}", &self.dir.to_string_lossy());
        let known = known.replace("{files}", &self.files.to_string_lossy());
        let known = known.replace("{large}", &"x".repeat(LARGE_BYTES));
        self.captured.iter().fold(known, |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }

    fn record(&mut self, job: &Job, status: Option<ExitStatus>) -> Result<(Record, String)> {
        let (stdout, stderr) = (fs::read(&job.stdout)?, fs::read(&job.stderr)?);
        let succeeded = status.is_some_and(|status| status.success());
        let status = match status {
            None => format!("killed after {LIMIT:?}"),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit {code}"),
                (None, signal) => format!("signal {}", signal.unwrap_or(0)),
            },
        };
        let record = Record {
            status,
            stdout: self.normaliser.stdout(&stdout, succeeded, job.hex),
            stderr: self.normaliser.stderr(&stderr),
        };
        Ok((record, String::from_utf8_lossy(&stdout).into_owned()))
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        for job in self.jobs.values_mut() {
            let _ = job.child.kill();
            let _ = job.child.wait();
        }
    }
}

/// Waits for a call to end; `None` when it had to be killed.
fn wait(child: &mut Child) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Interrupts a call when it has printed `lines` lines; one that ends by itself before is left alone.
fn interrupt_after(job: &mut Job, lines: usize) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(status) = job.child.try_wait()? {
            return Ok(Some(status));
        }
        if fs::read(&job.stdout)?.iter().filter(|byte| **byte == b'\n').count() >= lines {
            // The child was not waited for, so the id is still its own.
            kill(Pid::from_raw(job.child.id().cast_signed()), Signal::SIGINT)?;
            return wait(&mut job.child);
        }
        thread::sleep(POLL);
    }
    job.child.kill()?;
    job.child.wait()?;
    Ok(None)
}
