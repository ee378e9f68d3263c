//! Who sets a flag that nothing comes of is told so.

use super::{load, notices};
use crate::config::{Config, Effect, Exit, GROUPS, Kind};

fn told_of(config: &Config) -> Vec<String> {
    let tells = |notice: &String| notice.starts_with("a flag ") || notice.contains(" is deprecated ");
    notices(config).into_iter().filter(tells).collect()
}

#[test]
fn defaults_are_no_reason_to_warn() {
    let config = load(&["--memory-mlock=false", "--max-learners=1", "--auth-token=simple"], &[]);
    assert_eq!(told_of(&config.expect("defaults are fine")), Vec::<String>::new());
}

#[test]
fn each_kind_of_effect_has_its_own_words() {
    let config = load(&["--enable-pprof", "--max-snapshots=7", "--max-txn-ops=7"], &[]).expect("good flags");
    let expected = [
        "--max-snapshots is deprecated in 3.6 and will be decommissioned in 3.8: --max-snapshots",
        "a flag is accepted but has no effect: --enable-pprof",
    ];
    assert_eq!(told_of(&config), expected);
}

/// A value of the flag's kind other than its default, that passes all checks on its own.
fn other(name: &str, kind: Kind, default: &str) -> String {
    match kind {
        Kind::Bool => (default == "false").to_string(),
        Kind::Int | Kind::Uint | Kind::Uint32 => "11".to_owned(),
        Kind::Duration => "17s".to_owned(),
        Kind::Urls | Kind::Origins => "http://127.0.0.1:9".to_owned(),
        Kind::Gates => "AllAlpha=true".to_owned(),
        Kind::Choice(choices) | Kind::Choices(choices) => choices.last().copied().unwrap_or("").to_owned(),
        _ if name.starts_with("tls-") => "TLS1.3".to_owned(),
        _ => "other".to_owned(),
    }
}

#[test]
fn every_flag_without_effect_warns_when_set_and_every_other_does_not() {
    for flag in GROUPS.iter().filter(|group| group.title.is_some()).flat_map(|group| group.flags) {
        let value = other(flag.name, flag.kind, flag.default);
        let arg = format!("--{}={value}", flag.name);
        let loaded: Result<Config, Exit> = load(&[&arg], &[]);
        // Some values are wrong without company, which the rules' own tests look at.
        let Ok(config) = loaded else { continue };
        let told = told_of(&config);
        assert_eq!(told.is_empty(), flag.effect == Effect::Works, "{arg}: {told:?}");
        assert!(told.iter().all(|notice| notice.ends_with(&format!(": --{}", flag.name))), "{told:?}");
    }
}

#[test]
fn gates_without_effect_are_told_of() {
    let config = load(&["--feature-gates=PriorityRequest=true"], &[]).expect("a good gate");
    assert!(
        notices(&config)
            .iter()
            .any(|notice| notice == "a feature gate is accepted but has no effect: PriorityRequest")
    );
}
