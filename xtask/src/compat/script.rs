//! Scripts: what is run, line by line.
//!
//! ```text
//! # a comment
//! server --max-txn-ops=2          flags of the server; before the first case
//! api 2                           etcdctl is to speak version 2 of the API
//! files                           no server runs; {files} holds what one has left: see `files.rs`
//! case what this is about
//! $ put foo bar                   runs etcdctl
//! % snapshot status x.db          runs etcdutl
//! < a line for its stdin
//! $ lease grant 60 => L           keeps the first id that it printed as {L}
//! & W watch foo --rev=2           starts etcdctl beside what follows
//! . W 3                           waits until W has printed three lines, then interrupts it
//! @ POST /v3/kv/range {"key":"YQ=="}  asks over HTTP; status, type and body are what it prints
//! pause 500                       waits that many milliseconds
//! ! server it says so             why the line before may differ when the server (ctl, any) is ours
//! ! ctl by 3.7: it says so        the same, but only against an older official program
//! ```
//!
//! A word `NAME=value` before the command is an environment variable. `{client}` is the server's address,
//! `{dir}` an empty folder, `{large}` a word of 4 KiB. A job's stdin stays open until it is stopped. All of a file runs on one server, in order.

use super::column::{Column, Maker, Version};
use anyhow::{Context, Result, bail, ensure};

/// A script file.
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) server_args: Vec<String>,
    /// The version of the API that etcdctl is to speak.
    pub(crate) api: String,
    /// Whether it works on files instead of a server.
    pub(crate) on_files: bool,
    pub(crate) steps: Vec<Step>,
}

/// One line that does something.
pub(crate) struct Step {
    /// Line number in the file.
    pub(crate) line: usize,
    /// The case that it belongs to.
    pub(crate) case: String,
    /// The line as it stands.
    pub(crate) text: String,
    pub(crate) action: Action,
    reasons: Vec<Reason>,
}

/// What a line does.
pub(crate) enum Action {
    Run { call: Call, capture: Option<String> },
    Start { job: String, call: Call },
    Stop { job: String, lines: usize },
    Pause { ms: u64 },
}

/// Which program is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tool {
    #[default]
    Ctl,
    Utl,
    Curl,
}

/// A call of etcdctl, etcdutl or curl; `{NAME}` is not replaced yet.
#[derive(Clone, Default)]
pub(crate) struct Call {
    pub(crate) tool: Tool,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) args: Vec<String>,
    pub(crate) stdin: String,
}

/// Why a difference is meant.
struct Reason {
    ctl: bool,
    server: bool,
    /// Release by which the official program does the same.
    by: Option<Version>,
    words: String,
}

impl Reason {
    /// `SIDE WORDS`; words that begin with `by VERSION:` name the release that does the same.
    fn parse(text: &str) -> Result<Reason> {
        let (side, why) = text.split_once(' ').context("a reason wants words")?;
        let (ctl, server) = (side != "server", side != "ctl");
        ensure!(["ctl", "server", "any"].contains(&side), "a reason is for ctl, server or any");
        let by = why.strip_prefix("by ").and_then(|rest| rest.split(':').next());
        let by = by.map(Version::parse).transpose()?;
        Ok(Reason { ctl, server, by, words: why.to_owned() })
    }
}

impl Script {
    /// Reads a script.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Script> {
        let mut script = Script {
            name: name.to_owned(),
            server_args: Vec::new(),
            api: "3".to_owned(),
            on_files: false,
            steps: Vec::new(),
        };
        let mut case = String::new();
        for (number, line) in (1..).zip(text.lines()) {
            script.parse_line(number, line, &mut case).with_context(|| format!("line {number}: {line}"))?;
        }
        Ok(script)
    }

    fn parse_line(&mut self, line: usize, text: &str, case: &mut String) -> Result<()> {
        let (mark, rest) = text.split_once(' ').unwrap_or((text, ""));
        let action = match mark {
            "" | "#" => {
                ensure!(rest.is_empty() || mark == "#", "a line begins with its mark");
                return Ok(());
            }
            "server" => {
                ensure!(self.steps.is_empty(), "server flags come before all steps");
                self.server_args.extend(words(rest)?);
                return Ok(());
            }
            "api" => {
                rest.clone_into(&mut self.api);
                return Ok(());
            }
            "files" => {
                self.on_files = true;
                return Ok(());
            }
            "case" => {
                *case = rest.to_owned();
                return Ok(());
            }
            "<" => {
                let call =
                    self.steps.last_mut().and_then(Step::call_mut).context("no command to read this")?;
                call.stdin.push_str(rest);
                call.stdin.push('\n');
                return Ok(());
            }
            "!" => {
                let step = self.steps.last_mut().context("no step to explain")?;
                step.reasons.push(Reason::parse(rest)?);
                return Ok(());
            }
            "$" | "%" | "@" => {
                let (command, capture) = match rest.split_once(" => ") {
                    Some((command, name)) => (command, Some(name.trim().to_owned())),
                    None => (rest, None),
                };
                let call = match mark {
                    "@" => Call::over_http(command)?,
                    "%" => Call { tool: Tool::Utl, ..Call::parse(command)? },
                    _ => Call::parse(command)?,
                };
                Action::Run { call, capture }
            }
            "&" => {
                let (job, command) = rest.split_once(' ').context("a job wants a name and a command")?;
                Action::Start { job: job.to_owned(), call: Call::parse(command)? }
            }
            "." => {
                let (job, lines) = rest.split_once(' ').context("wants a job and a number of lines")?;
                Action::Stop { job: job.to_owned(), lines: lines.trim().parse()? }
            }
            "pause" => Action::Pause { ms: rest.trim().parse()? },
            _ => bail!("unknown mark {mark:?}"),
        };
        ensure!(!case.is_empty(), "a step belongs to a case");
        self.steps.push(Step {
            line,
            case: case.clone(),
            text: text.to_owned(),
            action,
            reasons: Vec::new(),
        });
        Ok(())
    }

    /// All calls, each with the name of its program; not those over HTTP.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&'static str, &Call)> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Run { call, .. } | Action::Start { call, .. } if call.tool != Tool::Curl => {
                Some((self.program(call), call))
            }
            _ => None,
        })
    }

    /// Its name in docs/commands.md.
    fn program(&self, call: &Call) -> &'static str {
        match call.tool {
            Tool::Utl => "etcdutl",
            Tool::Curl => "curl",
            Tool::Ctl if self.api == "2" => "etcdctl2",
            Tool::Ctl => "etcdctl",
        }
    }

    /// Number of calls.
    pub(crate) fn commands(&self) -> usize {
        self.calls().count()
    }
}

impl Step {
    fn call_mut(&mut self) -> Option<&mut Call> {
        match &mut self.action {
            Action::Run { call, .. } | Action::Start { call, .. } => Some(call),
            Action::Stop { .. } | Action::Pause { .. } => None,
        }
    }

    /// Why this step may differ in `column`, if it may.
    pub(crate) fn reason(&self, column: &Column) -> Option<&str> {
        let applies = |reason: &&Reason| {
            let ours = (reason.ctl && column.ctl_maker == Maker::Ours)
                || (reason.server && column.server_maker == Maker::Ours);
            ours && reason.by.is_none_or(|by| column.official < by)
        };
        self.reasons.iter().find(applies).map(|reason| reason.words.as_str())
    }
}

impl Call {
    /// `METHOD PATH [BODY]`.
    fn over_http(text: &str) -> Result<Call> {
        let (method, rest) = text.split_once(' ').context("a method and a path")?;
        let (path, body) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        ensure!(path.starts_with('/'), "{path:?} is no path");
        let url = format!("http://{{client}}{path}");
        let shown = "\n%{http_code} %{content_type}\n";
        let mut args = vec!["-sS", "--max-time", "20", "-X", method, "-w", shown, &url];
        if !body.is_empty() {
            args.extend(["-H", "Content-Type: application/json", "--data-binary", body]);
        }
        let args = args.into_iter().map(str::to_owned).collect();
        Ok(Call { args, tool: Tool::Curl, ..Call::default() })
    }

    fn parse(text: &str) -> Result<Call> {
        let mut call = Call::default();
        for word in words(text)? {
            match word.split_once('=') {
                Some((name, value)) if call.args.is_empty() && is_variable(name) => {
                    call.env.push((name.to_owned(), value.to_owned()));
                }
                _ => call.args.push(word),
            }
        }
        Ok(call)
    }
}

fn words(text: &str) -> Result<Vec<String>> {
    shlex::split(text).context("the quotes do not match")
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_line() {
        let text = "# c\nserver --max-txn-ops=2\n\ncase one\n$ ETCDCTL_API=3 put 'a b' c => X\n< in\n<\n\
                    ! server why\n& W watch a=b\n. W 3\npause 5\n";
        let script = Script::parse("t", text).unwrap();
        assert_eq!(script.server_args, ["--max-txn-ops=2"]);
        assert_eq!((script.steps.len(), script.commands()), (4, 2));
        let Action::Run { call, capture } = &script.steps[0].action else { panic!("a run") };
        assert_eq!(call.env, [("ETCDCTL_API".to_owned(), "3".to_owned())]);
        assert_eq!(call.args, ["put", "a b", "c"]);
        assert_eq!((call.stdin.as_str(), capture.as_deref()), ("in\n\n", Some("X")));
        let Action::Start { call, .. } = &script.steps[1].action else { panic!("a job") };
        assert_eq!(call.args, ["watch", "a=b"]);
    }

    #[test]
    fn reasons_apply_to_their_side() {
        let script = Script::parse("t", "case a\n$ get x\n! server by 3.6: new\n").unwrap();
        let column = |pair, official| {
            let official = Version::parse(official).unwrap();
            Column::new(pair, "o".as_ref(), "u".as_ref(), official).unwrap()
        };
        assert_eq!(script.steps[0].reason(&column("ou", "3.5")), Some("by 3.6: new"));
        assert_eq!(script.steps[0].reason(&column("uo", "3.5")), None);
        assert_eq!(script.steps[0].reason(&column("ou", "3.10")), None);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for text in ["case a\n? x", "$ get x", "case a\n$ get 'x", "< in", "! server x", "case a\n. W", " x"]
        {
            assert!(Script::parse("t", text).is_err(), "{text:?}");
        }
    }
}
