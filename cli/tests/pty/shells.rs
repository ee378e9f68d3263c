//! The completion scripts, in the shells that they are for. A shell that is not installed is passed over, and says so.

use super::{server::ETCDCTL, terminal::Terminal};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// `PATH` with etcdctl first.
fn path() -> String {
    let folder = Path::new(ETCDCTL).parent().expect("a program is in a folder").display();
    format!("{folder}:{}", std::env::var("PATH").unwrap_or_default())
}

fn installed(shell: &str) -> bool {
    let found = Command::new(shell).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("skipped: {shell} is not installed");
    }
    found
}

fn script(shell: &str) -> String {
    let output = Command::new(ETCDCTL).args(["completion", shell]).output().expect("etcdctl can be started");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("scripts are text")
}

/// A shell on a terminal, in a folder of its own.
fn open(shell: &str, args: &[&str], folder: &TempDir) -> Terminal {
    let home = folder.path().to_str().expect("a path is text");
    let environment =
        [("PATH", &*path()), ("TERM", "dumb"), ("PS1", "$ "), ("HOME", home), ("ZDOTDIR", home)];
    Terminal::run(shell, args, folder.path(), &environment)
}

/// Waits until the shell has done what was typed before.
fn settle(terminal: &mut Terminal) {
    // What is typed differs from what is printed.
    terminal.press("echo do''ne\n");
    terminal.expect("done\r\n");
    terminal.expect("$ ");
}

/// Types part of a word and TAB, sees the rest of the word come, and throws the line away.
fn completes(terminal: &mut Terminal, typed: &str, rest: &str) {
    terminal.press(typed);
    terminal.expect(typed);
    terminal.press("\t");
    terminal.expect(rest);
    terminal.press("\x15");
}

#[test]
fn bash_completes() {
    if !installed("bash") {
        return;
    }
    let folder = TempDir::with_prefix("bash-").expect("a folder can be made");
    let mut terminal = open("bash", &["--norc", "--noprofile", "-i"], &folder);
    terminal.press("source <(etcdctl completion bash)\n");
    settle(&mut terminal);
    completes(&mut terminal, "etcdctl mem", "ber ");
    completes(&mut terminal, "etcdctl member pro", "mote ");
    completes(&mut terminal, "etcdctl get key --keys-o", "nly ");
    completes(&mut terminal, "etcdctl get key --order=D", "ESCEND ");
    completes(&mut terminal, "etcdctl --write-out js", "on ");
    // What was completed can be run.
    terminal.press("etcdctl vers\t\n");
    terminal.expect("etcdctl version: 3");
}

#[test]
fn zsh_completes() {
    if !installed("zsh") {
        return;
    }
    let folder = TempDir::with_prefix("zsh-").expect("a folder can be made");
    // Both ways of the help text: sourced, and found by zsh itself when it is needed for the first time.
    for found in [false, true] {
        let mut terminal = open("zsh", &["-f", "-i"], &folder);
        if found {
            fs::write(folder.path().join("_etcdctl"), script("zsh")).expect("a file can be written");
            terminal.press("fpath=($PWD $fpath)\n");
        }
        terminal.press("autoload -U compinit; compinit -u -D\n");
        if !found {
            terminal.press("source <(etcdctl completion zsh)\n");
        }
        settle(&mut terminal);
        completes(&mut terminal, "etcdctl mem", "ber ");
        completes(&mut terminal, "etcdctl member pro", "mote ");
        completes(&mut terminal, "etcdctl get key --keys-o", "nly ");
        completes(&mut terminal, "etcdctl get key --order=D", "ESCEND ");
        terminal.press("etcdctl vers\t\n");
        terminal.expect("etcdctl version: 3");
    }
}

#[test]
fn fish_completes() {
    if !installed("fish") {
        return;
    }
    let folder = TempDir::with_prefix("fish-").expect("a folder can be made");
    fs::write(folder.path().join("some-file"), "").expect("a file can be written");
    let offered = |typed: &str| {
        let ask = format!("etcdctl completion fish | source; complete -C '{typed}'");
        let output = Command::new("fish")
            .args(["--no-config", "-c", &ask])
            .env("PATH", path())
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("fish can be started");
        String::from_utf8(output.stdout).expect("words are text").trim_end().to_owned()
    };
    assert_eq!(offered("etcdctl mem").split('\t').next(), Some("member"));
    assert_eq!(offered("etcdctl member pro").split('\t').next(), Some("promote"));
    assert_eq!(offered("etcdctl get key --keys-o").split('\t').next(), Some("--keys-only"));
    assert_eq!(offered("etcdctl get key --order=D"), "--order=DESCEND");
    let commands = offered("etcdctl alarm ");
    let commands: Vec<_> = commands.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(commands, ["disarm", "list"], "no files, and nothing else");
    assert_eq!(offered("etcdctl snapshot save some-"), "some-file");
}

/// There is no PowerShell here: what can be seen is that its script is whole, and does what etcd's does.
#[test]
fn the_script_for_powershell_is_whole() {
    let script = script("powershell");
    for part in [
        "Register-ArgumentCompleter -Native -CommandName etcdctl -ScriptBlock {",
        "param($wordToComplete, $commandAst, $cursorPosition)",
        "etcdctl __complete @typed",
        "[System.Management.Automation.CompletionResult]::new(",
    ] {
        assert!(script.contains(part), "{part} is missing:\n{script}");
    }
    let mut open = Vec::new();
    for character in script.chars() {
        match character {
            '(' => open.push(')'),
            '{' => open.push('}'),
            '[' => open.push(']'),
            ')' | '}' | ']' => assert_eq!(open.pop(), Some(character), "{script}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} is missing at the end");
    // It adds a pair of quotes for a word that is not begun.
    let output = Command::new(ETCDCTL).args(["__complete", "alarm", "\"\""]).output();
    let offered = output.expect("etcdctl can be started").stdout;
    assert!(String::from_utf8_lossy(&offered).starts_with("disarm\t"));
}
