//! One script, sent to one server.

use super::{
    client::{self, Answer},
    normalise::{Normaliser, Record},
    script::{Action, Request, Script},
};
use crate::process::{Addresses, Plan, Server};
use anyhow::{Context, Result, bail};
use regex::{Captures, Regex};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

struct Runner {
    client: SocketAddr,
    id: String,
    index: u64,
    begun: HashMap<String, Answer>,
    normaliser: Normaliser,
    records: Vec<Record>,
}

/// Runs a script on a fresh server in the folder `programs`.
pub(super) fn run(script: &Script, programs: &Path, flags: &[&str]) -> Result<Vec<Record>> {
    let dir = tempfile::TempDir::with_prefix("compat-v2-")?;
    let extra: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let program = programs.join("etcd");
    let plan = Plan { program: &program, name: "default", dir: dir.path(), extra: &extra };
    let addresses = Addresses::free();
    let mut server = Server::start_at(&plan, addresses)?;
    let own = vec![(addresses.client.to_string(), "CLIENT"), (addresses.peer.to_string(), "PEER")];
    let mut runner = Runner {
        client: addresses.client,
        id: String::new(),
        index: 0,
        begun: HashMap::new(),
        normaliser: Normaliser { own },
        records: Vec::new(),
    };
    runner.id = runner.own_id()?;
    for step in &script.steps {
        runner.step(step.line, &step.action).with_context(|| format!("line {}", step.line))?;
    }
    if let Some(status) = server.ended()? {
        bail!("the server ended ({status}): {}", server.log_tail());
    }
    Ok(runner.records)
}

impl Runner {
    fn own_id(&self) -> Result<String> {
        let text = client::send(self.client, &Request::parse("GET /v2/members")?)?.rest()?;
        let members: serde_json::Value = serde_json::from_str(&text)?;
        Ok(members["members"][0]["id"].as_str().context("no member has an id")?.to_owned())
    }

    fn step(&mut self, line: usize, action: &Action) -> Result<()> {
        match action {
            Action::Send { request, times } => {
                for n in 1..=*times {
                    let request = self.filled(request, n)?;
                    let answer = client::send(self.client, &request)?;
                    self.note(line, &request, answer)?;
                }
            }
            Action::Until { status, request } => {
                let request = self.filled(request, 1)?;
                let end = Instant::now() + LIMIT;
                loop {
                    let answer = client::send(self.client, &request)?;
                    if answer.status == *status {
                        return self.note(line, &request, answer);
                    }
                    if Instant::now() > end {
                        bail!("no {status} but {}", answer.status);
                    }
                    thread::sleep(POLL);
                }
            }
            Action::Begin { name, request } => {
                let request = self.filled(request, 1)?;
                let answer = client::send(self.client, &request)?;
                let what = format!("{} {}", request.method, request.path);
                self.push((line, what), &answer, "");
                self.begun.insert(name.clone(), answer);
            }
            Action::Read { name } | Action::End { name } => {
                let mut answer = self.begun.remove(name).with_context(|| format!("{name} has not begun"))?;
                let rest = matches!(action, Action::End { .. });
                let text = if rest { answer.rest()? } else { answer.line()? };
                self.push((line, name.clone()), &answer, &text);
                if !rest {
                    self.begun.insert(name.clone(), answer);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, line: usize, request: &Request, mut answer: Answer) -> Result<()> {
        let body = answer.rest()?;
        if let Some(index) = answer.header("x-etcd-index").and_then(|index| index.parse().ok()) {
            self.index = index;
        }
        let what = format!("{} {} {}", request.method, request.path, request.body);
        self.push((line, what), &answer, &body);
        Ok(())
    }

    fn push(&mut self, at: (usize, String), answer: &Answer, body: &str) {
        let record = self.normaliser.record(at, answer.status, &answer.headers, body);
        self.records.push(record);
    }

    /// The request with what its braces stand for.
    fn filled(&self, request: &Request, n: usize) -> Result<Request> {
        let index = Regex::new(r"\{index([+-]\d+)?\}")?;
        let fill = |text: &str| {
            let text = text.replace("{n}", &n.to_string()).replace("{id}", &self.id);
            let shifted = |found: &Captures<'_>| {
                let by: i64 = found.get(1).and_then(|by| by.as_str().parse().ok()).unwrap_or(0);
                self.index.saturating_add_signed(by).to_string()
            };
            index.replace_all(&text, shifted).into_owned()
        };
        Ok(Request { path: fill(&request.path), body: fill(&request.body), ..request.clone() })
    }
}
