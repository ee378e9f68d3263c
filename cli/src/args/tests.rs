//! The program's own tree, walked.

use super::*;
use crate::{ctl::ETCDCTL, print::Output};

fn run_args(args: &[&str]) -> (u8, String) {
    let out = Output::memory();
    let args = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    let code = runtime.block_on(run(&ETCDCTL, args, out.clone()));
    (code, String::from_utf8(out.contents()).expect("text"))
}

fn found(args: &[&str]) -> Result<(String, Vec<String>), String> {
    let args: Vec<_> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    let found = find(&ETCDCTL, &args)?;
    let rest = found.args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
    Ok((found.full_name(), rest))
}

#[test]
fn commands_are_found_behind_flags_and_by_prefix() {
    let ok =
        |name: &str, rest: &[&str]| Ok((name.to_owned(), rest.iter().map(|r| (*r).to_owned()).collect()));
    assert_eq!(found(&["get", "a"]), ok("etcdctl get", &["a"]));
    assert_eq!(found(&["--hex", "-w", "json", "ge", "a"]), ok("etcdctl get", &["--hex", "-w", "json", "a"]));
    assert_eq!(
        found(&["lea", "--endpoints", "x", "gr", "5"]),
        ok("etcdctl lease grant", &["--endpoints", "x", "5"])
    );
    assert_eq!(found(&["lease", "nope"]), ok("etcdctl lease", &["nope"]));
    assert_eq!(found(&["get", "get"]), ok("etcdctl get", &["get"]));
    assert_eq!(found(&["--", "get"]), ok("etcdctl", &["--", "get"]));
    assert_eq!(found(&[]), ok("etcdctl", &[]));
}

#[test]
fn unknown_commands_suggest_near_ones() {
    let gett = "unknown command \"gett\" for \"etcdctl\"\n\nDid you mean this?\n\tget\n";
    assert_eq!(found(&["gett"]), Err(gett.to_owned()));
    assert_eq!(found(&["frobnicate"]), Err("unknown command \"frobnicate\" for \"etcdctl\"".to_owned()));
    // A flag that the root does not know is taken to have a value.
    assert!(found(&["--prefix", "get", "frobnicate"]).is_err());
}

#[test]
fn help_has_cobras_layout() {
    let (code, text) = run_args(&["lease", "timetolive", "--help"]);
    assert_eq!(code, 0);
    assert_eq!(
        text,
        "Shows how long a lease has to live

Usage:
  etcdctl lease timetolive <leaseID> [options] [flags]

Flags:
  -h, --help   help for timetolive
      --keys   show the keys that are tied to the lease
Use \"etcdctl options\" for a list of global command-line options (applies to all commands).
"
    );
    assert_eq!(run_args(&["help", "lease", "timetolive"]), (0, text));
}

#[test]
fn a_group_shows_its_help_whatever_follows() {
    let (code, text) = run_args(&["endpoint", "nope"]);
    assert_eq!(code, 0);
    assert!(text.contains("\nAvailable Commands:\n  hashkv      "), "{text}");
    assert!(text.contains("\nFlags:\n      --cluster   "), "{text}");
}

#[test]
fn every_help_text_can_be_made_and_every_default_read() {
    fn walk(path: &mut Vec<&'static Command>) {
        let command = path[path.len() - 1];
        assert!(usage_text(path).contains(command.name));
        for flag in command.flags.iter().chain(command.shared_flags) {
            let _ = Matches::default().value(flag);
        }
        for child in command.commands {
            path.push(child);
            walk(path);
            path.pop();
        }
    }
    walk(&mut vec![&ETCDCTL]);
}

#[test]
fn exit_codes() {
    assert_eq!(run_args(&["nope"]).0, 1);
    assert_eq!(run_args(&["get", "--nope"]).0, 1);
    assert_eq!(run_args(&["get"]).0, 128);
    assert_eq!(run_args(&["version", "--bad"]).0, 1);
    assert_eq!(run_args(&["version"]), (0, "etcdctl version: 3.7.1\nAPI version: 3.7\n".to_owned()));
}
