//! A file for each kind of mistake, in `mistakes/`: what `etcd check-config` says of it stands in its last line.

use crate::check_config::run;
use std::{fs, path::PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/tests/mistakes");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder is there").flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[test]
fn each_kind_of_mistake_is_told_once_and_clearly() {
    let files = files();
    assert!(files.len() > 20, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).expect("a file of ours");
        let expected =
            text.lines().last().and_then(|line| line.strip_prefix("# error: ")).expect("a last line");
        let exit = run(&[path.display().to_string()], &[]);
        assert_eq!((exit.code, exit.stderr.as_str()), (1, ""), "{path:?}");
        let errors: Vec<&str> = exit.stdout.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        assert!(matches!(errors[..], [error] if error.contains(expected)), "{path:?}: {errors:?}");
        if expected.starts_with(':') {
            assert!(errors[0].starts_with(&*path.to_string_lossy()), "{path:?}: {errors:?}");
        }
    }
}

#[test]
fn a_good_configuration_is_good_as_file_and_as_flags() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data = dir.path().join("data").display().to_string();
    let file = dir.path().join("etcd.conf.yml");
    fs::write(&file, format!("name: a\ndata-dir: {data}\nlisten-client-http-urls: http://127.0.0.1:1\n"))
        .expect("the folder is writable");
    let by_file = run(&[file.display().to_string()], &[]);
    let flags = ["--name=a", "--listen-client-http-urls=http://127.0.0.1:1"].map(str::to_owned);
    let by_flags = run(&flags, &[("ETCD_DATA_DIR".to_owned(), data.clone())]);
    for exit in [by_file, by_flags] {
        assert_eq!(exit.code, 0, "{exit:?}");
        assert_eq!(exit.stdout, "a member can start with this configuration\n");
    }
    assert!(!fs::exists(data).unwrap_or(true), "a check makes no folder");
}

#[test]
fn warnings_do_not_fail_a_check() {
    let exit = run(&["--enable-pprof".to_owned()], &[]);
    assert_eq!(exit.code, 0, "{exit:?}");
    assert!(
        exit.stdout.contains("warning: a flag is accepted but has no effect flag=--enable-pprof"),
        "{exit:?}"
    );
    let conflict = run(&["--name=a".to_owned()], &[("ETCD_NAME".to_owned(), "b".to_owned())]);
    assert!(conflict.code == 1 && conflict.stdout.contains("environment-variable=ETCD_NAME"), "{conflict:?}");
    assert_eq!(run(&["--help".to_owned()], &[]).code, 0);
    assert_eq!(run(&["--nope".to_owned()], &[]).code, 2);
}
