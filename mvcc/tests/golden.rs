//! The scripts of `scripts/`, whose answers the official etcd 3.7.1 gave, run against this store.

mod common;

use common::{World, script};
use std::{env, fs, path::Path};

/// What happens between two commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    Commit,
    Reopen,
}

fn run(path: &Path, between: Between) {
    let text = fs::read_to_string(path).expect("a readable script");
    let mut paragraphs = script::parse(&text);
    let mut world = World::default();
    let mut wrong = Vec::new();
    for paragraph in paragraphs.iter_mut().filter(|paragraph| !paragraph.command.is_empty()) {
        let answer;
        (world, answer) = script::run(world, &paragraph.command);
        // Hashes of compactions are remembered in memory only, by etcd too.
        let forgotten = between == Between::Reopen
            && paragraph.command[0].starts_with("hashkv")
            && paragraph.command[0] != "hashkv 0";
        if answer != paragraph.answer && !forgotten {
            wrong.push(format!(
                "{}\n-- is\n{answer}-- not\n{}",
                paragraph.command.join("\n"),
                paragraph.answer
            ));
            paragraph.answer = answer;
        }
        match between {
            Between::Nothing => {}
            Between::Commit => world.commit(),
            Between::Reopen => world = world.reopen(),
        }
    }
    if env::var_os("REWRITE").is_some() && between == Between::Nothing {
        fs::write(path, script::print(&paragraphs)).expect("a writable script");
    }
    assert!(wrong.is_empty(), "{}:\n{}", path.display(), wrong.join("\n"));
}

fn run_all(between: Between) {
    let folder = env::var_os("SCRIPTS").unwrap_or_else(|| "tests/scripts".into());
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder of scripts") {
        let path = entry.expect("the folder of scripts").path();
        run(&path, between);
        count += 1;
    }
    assert!(count > 2, "the scripts are gone");
}

#[test]
fn answers_are_those_of_etcd() {
    run_all(Between::Nothing);
}

#[test]
fn answers_do_not_depend_on_where_records_are() {
    run_all(Between::Commit);
}

#[test]
fn answers_do_not_depend_on_restarts() {
    run_all(Between::Reopen);
}
