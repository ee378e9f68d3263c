//! docs/configuration.md and packaging/etcd.conf.yml are what the table of flags gives, and the sample is good.
//!
//! `OXETCD_WRITE_DOCS=1` writes both anew.

use super::{load, load_file};
use crate::config::{Config, file, reference, sample};

fn check(path: &str, expected: &str) {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("OXETCD_WRITE_DOCS").is_some() {
        std::fs::write(&path, expected).expect("the repository is writable");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{path} is not what the table of flags gives ({differ:?}): OXETCD_WRITE_DOCS=1 cargo test -p oxetcd-server --lib \
         config::tests::reference"
    );
}

#[test]
fn the_reference_is_what_the_table_says() {
    check("docs/configuration.md", &reference());
}

#[test]
fn the_sample_is_what_the_table_says() {
    check("packaging/etcd.conf.yml", &sample());
}

/// The sample with all its keys in force.
fn uncommented() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with(' ') || key.starts_with("  ") => format!("{key}\n"),
        _ => String::new(),
    };
    sample().lines().map(line).collect()
}

#[test]
fn every_key_of_the_sample_stands_at_its_default() {
    let mut notices = Vec::new();
    let settings = file::parse(uncommented().as_bytes(), "sample", &mut notices).expect("the sample is good");
    assert_eq!(settings.changed().map(|flag| flag.name).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(notices, []);
    let keys = crate::config::table::flags().filter(|flag| flag.file_key().is_some());
    let missing: Vec<&str> =
        keys.map(|flag| flag.name).filter(|name| !settings.is_given(name) && !may_be_unset(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Texts of several parts cannot be set to nothing: that is "not given".
fn may_be_unset(name: &str) -> bool {
    crate::config::table::find(name).is_some_and(|flag| flag.default.is_empty())
}

#[test]
fn the_sample_as_it_is_gives_the_default_member() {
    let (sample, nothing): (Config, Config) =
        (load_file(&sample()).expect("the sample is good"), load(&[], &[]).expect("nothing is good"));
    assert_eq!(
        format!("{:?}", (&sample.member, &sample.cluster)),
        format!("{:?}", (nothing.member, nothing.cluster))
    );
}
