//! How a start ended, made alike where two programs cannot be the same.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Settings that only one of the two has, or that say who it is.
const OF_ONE: [&str; 26] = [
    "level",
    "ts",
    "caller",
    "msg",
    "etcd-version",
    "git-sha",
    "go-version",
    "go-os",
    "go-arch",
    "max-cpu-set",
    "max-cpu-available",
    // Ours.
    "backend",
    "enable-v2",
    "listen-client-http-urls",
    "max-txn-ops",
    // Ours compares the members' data unless it is told not to.
    "initial-corrupt-check",
    "corrupt-check-time-interval",
    "local-address",
    // What 3.5 does not say, or says otherwise.
    "feature-gates",
    "compact-check-time-interval",
    "max-learners",
    "max-request-bytes",
    "max-concurrent-streams",
    "v2-deprecation",
    "max-wals",
    "max-snapshots",
];

/// The same setting by its name in 3.5.
const RENAMED: (&str, &str) = ("quota-size-bytes", "quota-backend-bytes");

/// How a start ended.
#[derive(Debug)]
pub(super) enum Ending {
    Refused {
        code: Option<i32>,
        words: String,
    },
    Serves {
        /// What is in force, as the log says; none when the log does not say.
        settings: BTreeMap<String, Value>,
        /// What was said of variables of the environment.
        variables: BTreeSet<String>,
        /// Its folder, two levels deep.
        files: BTreeSet<String>,
        /// The answers to the members' list and the case's own requests.
        answers: Vec<String>,
    },
}

impl Ending {
    /// The ending of a process that has printed `log`.
    pub(super) fn refused(code: Option<i32>, log: &str) -> Ending {
        Ending::Refused { code, words: words(code, log) }
    }

    /// A process that serves, and has printed `log`.
    pub(super) fn serving(log: &str, files: BTreeSet<String>, answers: Vec<String>) -> Ending {
        let lines: Vec<Value> = json_lines(log).collect();
        let started = lines.iter().find(|line| line["msg"] == "starting an etcd server");
        let of = |(name, value): (&String, &Value)| {
            let name = if name == RENAMED.0 { RENAMED.1 } else { name.as_str() };
            // 3.5 leaves it empty when it reads a file that does not say, and means the same.
            let value =
                if name == "auto-compaction-mode" && value == "" { "periodic".into() } else { value.clone() };
            // How members find each other: by v2 until 3.5, by v3 since 3.6; ours tells of it when it is done.
            let of_one = OF_ONE.contains(&name) || name.starts_with("discovery-");
            (!of_one).then(|| (name.to_owned(), value))
        };
        let settings =
            started.and_then(Value::as_object).map(|fields| fields.iter().filter_map(of).collect());
        let about = |line: &Value| {
            let fields = ["msg", "variable-name", "variable-value", "environment-variable"];
            let text = fields.map(|field| line[field].as_str().unwrap_or_default()).join(" ");
            text.contains("environment variable").then_some(text)
        };
        let settings = settings.unwrap_or_default();
        Ending::Serves { settings, variables: lines.iter().filter_map(about).collect(), files, answers }
    }

    pub(super) fn serves(&self) -> bool {
        matches!(self, Ending::Serves { .. })
    }

    /// What differs, official's first.
    pub(super) fn differences(&self, ours: &Ending) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, official: &dyn std::fmt::Debug, ours: &dyn std::fmt::Debug| {
            let (official, ours) = (format!("{official:?}"), format!("{ours:?}"));
            if official != ours {
                found.push(format!("{what}: official {official}, ours {ours}"));
            }
        };
        match (self, ours) {
            (Ending::Refused { code, words }, Ending::Refused { code: our_code, words: our_words }) => {
                compare("code", code, our_code);
                compare("words", words, our_words);
            }
            (
                Ending::Serves { settings, variables, files, answers },
                Ending::Serves {
                    settings: our_settings,
                    variables: our_variables,
                    files: our_files,
                    answers: our_answers,
                },
            ) => {
                for name in settings.keys().chain(our_settings.keys()).collect::<BTreeSet<_>>() {
                    compare(name, &settings.get(name), &our_settings.get(name));
                }
                compare("variables", variables, our_variables);
                compare("files", files, our_files);
                for (official, ours) in answers.iter().zip(our_answers) {
                    compare("answer", official, ours);
                }
            }
            _ => compare("end", self, ours),
        }
        found
    }

    /// Whether both refuse with the same code.
    pub(super) fn same_but_for_words(&self, other: &Ending) -> bool {
        match (self, other) {
            (Ending::Refused { code, .. }, Ending::Refused { code: other, .. }) => code == other,
            _ => false,
        }
    }
}

fn json_lines(log: &str) -> impl Iterator<Item = Value> + '_ {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object)
}

/// What a program says of why it ended: the last error of its log, or its first line that is none of a log.
fn words(code: Option<i32>, log: &str) -> String {
    let first =
        log.lines().find(|line| !line.is_empty() && !line.starts_with('{')).unwrap_or_default().to_owned();
    let reason = |line: &Value| {
        let error = line["error"].as_str().map(str::to_owned);
        let variable = || line["environment-variable"].as_str().filter(|_| line["level"] == "fatal");
        error.or_else(|| {
            variable().map(|name| format!("{name}: {}", line["msg"].as_str().unwrap_or_default()))
        })
    };
    match code {
        // A page of help is a program's own.
        Some(0) if !first.starts_with("etcd Version") => "help".to_owned(),
        Some(1) => json_lines(log).filter_map(|line| reason(&line)).last().unwrap_or(first),
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_is_the_reason() {
        let log = "{\"msg\":\"a\",\"error\":\"first\"}\n{\"msg\":\"b\",\"error\":\"second\"}\nnoise\n";
        assert_eq!(words(Some(1), log), "second");
        assert_eq!(words(Some(2), "\nflag provided\nusage\n"), "flag provided");
        let shadowed = "{\"level\":\"fatal\",\"msg\":\"shadowed\",\"environment-variable\":\"ETCD_NAME\"}";
        assert_eq!(words(Some(1), shadowed), "ETCD_NAME: shadowed");
    }

    #[test]
    fn only_what_is_said_may_differ_when_only_words_are_excused() {
        let refused = |code, log: &str| Ending::refused(Some(code), log);
        let (one, two, three) = (refused(2, "a"), refused(2, "b"), refused(1, "a"));
        assert!(one.same_but_for_words(&two) && !one.same_but_for_words(&three));
        assert_eq!((one.differences(&two).len(), one.differences(&three).len()), (1, 1));
        let serves = Ending::serving("", BTreeSet::new(), Vec::new());
        assert!(!serves.same_but_for_words(&one) && serves.differences(&one).len() == 1);
    }
}
