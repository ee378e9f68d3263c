//! Directories that are taken, and files that are not what they should be.

use super::{Child, Model, Subject, child::reports};
use crate::{Batch, Durability, Engine, Error, Table};
use std::{fs, path::Path};

fn commit_something(engine: &dyn Engine) -> Model {
    let mut batch = Batch::new();
    (0..200_u8).for_each(|n| _ = batch.put(Table::Key, vec![n], vec![n; 500]));
    engine.commit(&batch, Durability::Synced).expect("commit");
    Model::read(engine)
}

/// While an engine has a directory, nobody else gets it: neither this process nor another.
pub fn a_directory_has_one_user<S: Subject>(subject: &S, child: &Child) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let ask_child = || {
        let mut process = child.command("open", dir.path(), None).spawn().expect("start a child");
        let answer: Vec<_> = reports(&mut process).collect();
        process.wait().expect("the child's end");
        answer
    };
    let engine = subject.open(dir.path()).expect("an empty directory");
    let model = commit_something(&engine);
    assert!(matches!(subject.open(dir.path()), Err(Error::Locked(_))), "a second engine in this process");
    assert_eq!(ask_child(), ["locked"]);
    // Whoever was refused has changed nothing.
    assert_eq!(Model::read(&engine), model);
    drop(engine);
    assert_eq!(ask_child(), ["open"]);
    assert_eq!(Model::read(&subject.open(dir.path()).expect("open again")), model);
}

/// Files of anything else are called damaged, in an error.
pub fn foreign_files_are_refused<S: Subject>(subject: &S) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    drop(commit_something(&subject.open(dir.path()).expect("an empty directory")));
    overwrite(dir.path());
    let error = subject.open(dir.path()).err().expect("files full of nonsense");
    assert!(matches!(error, Error::Corrupt(_)), "{error}");
}

fn overwrite(dir: &Path) {
    for entry in fs::read_dir(dir).expect("list") {
        let path = entry.expect("list").path();
        match fs::metadata(&path).expect("look").len() {
            _ if path.is_dir() => overwrite(&path),
            0 => {}
            len => fs::write(&path, vec![0x5a; len as usize]).expect("overwrite"),
        }
    }
}
