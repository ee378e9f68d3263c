//! One line of the table: a start, and why the programs may differ.
//!
//! A line is read as a shell would read it. Its words:
//!
//! | word | |
//! |---|---|
//! | `@` | the flags with which a member serves: its name, folder and addresses, and quick elections |
//! | `env:NAME=VALUE` | a variable of the environment |
//! | `file:TEXT` | the text of `etcd.conf.yml`, which the program is told to read; `\n` ends a line, `@` stands for the keys of the flags above |
//! | `see:METHOD WHERE /PATH [BODY]` | a request to the running server, whose answer is compared; WHERE is client, peer or metrics |
//! | `words:REASON` | only what is said differs, and why |
//! | `differs:REASON` | how it ends, or what follows, differs, and why |
//! | anything else | a flag |
//!
//! A reason that begins with `by VERSION:` is one for older releases only: the official program of that release does the same as ours.
//! `{client}`, `{peer}` and `{metrics}` in any of them are the addresses (with `http://`) at which this start may listen.

use super::{super::column::Version, ending::Ending, probe::Probe};
use anyhow::{Result, bail, ensure};

/// The member that serves, as flags.
const FLAGS: [&str; 10] = [
    "--name=m",
    "--data-dir=d",
    "--listen-client-urls={client}",
    "--advertise-client-urls={client}",
    "--listen-peer-urls={peer}",
    "--initial-advertise-peer-urls={peer}",
    "--initial-cluster=m={peer}",
    "--heartbeat-interval=20",
    "--election-timeout=100",
    // The default changed with 3.6.
    "--snapshot-count=10000",
];

/// A start.
#[derive(Debug, Default)]
pub(super) struct Case {
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) file: Option<String>,
    pub(super) probes: Vec<Probe>,
    reasons: Vec<Reason>,
}

#[derive(Debug)]
struct Reason {
    text: String,
    /// It is for what is said only.
    of_words: bool,
    /// Release by which the official program does the same.
    by: Option<Version>,
}

impl Reason {
    fn parse(text: &str, of_words: bool) -> Result<Reason> {
        let by = text.strip_prefix("by ").and_then(|rest| rest.split(':').next());
        Ok(Reason { text: text.to_owned(), of_words, by: by.map(Version::parse).transpose()? })
    }
}

impl Case {
    pub(super) fn parse(text: &str, line: usize) -> Result<Case> {
        let Some(words) = shlex::split(text) else { bail!("line {line}: a quotation without an end") };
        let mut case = Case { line, text: text.to_owned(), ..Case::default() };
        for word in words {
            case.take(&word)?;
        }
        Ok(case)
    }

    fn take(&mut self, word: &str) -> Result<()> {
        match word.split_once(':') {
            _ if word == "@" => self.args.extend(FLAGS.map(str::to_owned)),
            Some(("env", variable)) => {
                let Some((name, value)) = variable.split_once('=') else { bail!("{word}: no value") };
                self.env.push((name.to_owned(), value.to_owned()));
            }
            Some(("file", text)) => {
                ensure!(self.file.is_none(), "line {}: two files", self.line);
                let text = text.replace("\\n", "\n").replace("\\t", "\t");
                self.file = Some(text.replace('@', &keys()) + "\n");
            }
            Some(("see", request)) => self.probes.push(Probe::parse(request)?),
            Some(("words", text)) => self.reasons.push(Reason::parse(text, true)?),
            Some(("differs", text)) => self.reasons.push(Reason::parse(text, false)?),
            _ => self.args.push(word.to_owned()),
        }
        Ok(())
    }

    /// Why the two may end as they did, when the official program is of this release.
    pub(super) fn reason(&self, release: Version, official: &Ending, ours: &Ending) -> Option<&str> {
        let same = official.same_but_for_words(ours);
        let fits = |reason: &&Reason| reason.by.is_none_or(|by| release < by) && (same || !reason.of_words);
        self.reasons.iter().find(fits).map(|reason| reason.text.as_str())
    }
}

/// The member that serves, as keys of a file.
fn keys() -> String {
    let key = |flag: &&str| {
        let (name, value) = flag.trim_start_matches('-').split_once('=').unwrap_or((flag, ""));
        format!("{name}: {value}")
    };
    FLAGS.iter().map(key).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_word_by_word() {
        let case = Case::parse("@ --x='a b' env:ETCD_A=b=c file:'@\\nk: v' 'see:GET client /v' words:why", 7);
        let case = case.unwrap();
        assert_eq!((case.args.len(), case.args.last().unwrap().as_str()), (11, "--x=a b"));
        assert_eq!(case.env, [("ETCD_A".to_owned(), "b=c".to_owned())]);
        let file = case.file.unwrap();
        assert!(file.starts_with("name: m\n") && file.ends_with("\nk: v\n"), "{file}");
        assert_eq!((case.probes.len(), case.reasons.len(), case.line), (1, 1, 7));
    }

    #[test]
    fn a_line_that_is_none_is_refused() {
        for line in ["'a", "env:A", "see:GET", "file:a file:b"] {
            assert!(Case::parse(line, 1).is_err(), "{line}");
        }
    }
}
