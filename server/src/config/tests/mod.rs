//! The configuration as its users meet it: arguments, variables and files go in, settings or words come out.

mod command_line;
mod effects;
mod environment;
mod file;
mod help;
mod mistakes;
mod reference;
mod rules;
mod table;

use super::{Config, Exit};

/// Reads a command line, given without the program's name, and variables as `NAME=value`.
fn load(args: &[&str], env: &[&str]) -> Result<Config, Exit> {
    let args: Vec<String> = ["etcd"].iter().chain(args).map(|arg| (*arg).to_owned()).collect();
    let variable = |text: &&str| {
        let (key, value) = text.split_once('=').expect("variables in tests have a value");
        (key.to_owned(), value.to_owned())
    };
    Config::load(&args, &env.iter().map(variable).collect::<Vec<_>>())
}

/// Reads a file with the given text.
fn load_file(text: &str) -> Result<Config, Exit> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("conf.yml");
    std::fs::write(&path, text).expect("the folder is writable");
    load(&["--config-file", path.to_str().expect("the folder has a plain name")], &[])
}

/// What stands behind "error" in the last line of a refusal.
fn reason(exit: &Exit) -> String {
    let last = exit.stderr.lines().last().unwrap_or_default();
    let line: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
    assert_eq!(line["msg"], "failed to verify flags", "{exit:?}");
    line["error"].as_str().unwrap_or_default().to_owned()
}

/// Messages and first fields of what is to be logged.
fn notices(config: &Config) -> Vec<String> {
    let field = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let notice = |notice: &crate::logging::Notice| {
        let first = notice.fields.first().map_or(String::new(), |(_, value)| format!(": {}", field(value)));
        format!("{}{first}", notice.message)
    };
    config.notices.iter().map(notice).collect()
}
