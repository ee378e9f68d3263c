//! Help and version.

use super::load;
use crate::config::GROUPS;

#[test]
fn help_lists_each_flag_once_with_its_default() {
    for arg in ["--help", "-h", "-help", "--h=1"] {
        let exit = load(&[arg], &[]).expect_err("help ends the program");
        assert_eq!(exit.code, 0, "{arg}");
        assert!(exit.stderr.starts_with("Usage:\n"), "{arg}");
        for group in GROUPS.iter().filter(|group| group.title.is_some()) {
            for flag in group.flags {
                let start = format!("  --{} '", flag.name);
                let lines: Vec<&str> = exit.stdout.lines().filter(|line| line.starts_with(&start)).collect();
                assert_eq!(lines.len(), 1, "--{} in {lines:?}", flag.name);
                assert!(exit.stdout.contains(flag.help), "--{}", flag.name);
            }
        }
        let listed = exit.stdout.lines().filter(|line| line.starts_with("  --")).count();
        let known: usize =
            GROUPS.iter().filter(|group| group.title.is_some()).map(|group| group.flags.len()).sum();
        assert_eq!(listed, known);
    }
}

#[test]
fn help_comes_before_mistakes_behind_it_and_mistakes_before_help() {
    assert_eq!(load(&["--help", "--nope"], &[]).expect_err("help").code, 0);
    assert_eq!(load(&["--nope", "--help"], &[]).expect_err("a mistake").code, 2);
}

#[test]
fn the_version_is_in_the_lines_that_scripts_look_for() {
    let exit = load(&["--version"], &["ETCD_NAME=a"]).expect_err("a version ends the program");
    assert_eq!((exit.code, exit.stderr.as_str()), (0, ""));
    let starts: Vec<&str> = exit.stdout.lines().map(|line| line.split(':').next().unwrap_or("")).collect();
    assert_eq!(starts, ["etcd Version", "Git SHA", "Go Version", "Go OS/Arch"]);
    assert!(exit.stdout.starts_with("etcd Version: 3.7.1\n"));
}
