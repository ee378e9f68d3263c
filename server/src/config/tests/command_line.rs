//! Flags in Go's syntax, and the words for what is wrong with them.

use super::{load, reason};
use crate::{
    config::{Config, Exit, Program, Run},
    logging::Level,
};

fn name_of(args: &[&str]) -> String {
    load(args, &[]).expect("a good command line").member.name
}

#[test]
fn a_flag_may_be_written_in_four_ways_and_the_last_counts() {
    for args in [
        &["-name=a"][..],
        &["--name=a"],
        &["-name", "a"],
        &["--name", "a"],
        &["--name=b", "--name", "a"],
        &["--name=a", "--"],
        &["--name", "b", "-name=a", "--pre-vote"],
    ] {
        assert_eq!(name_of(args), "a", "{args:?}");
    }
    assert_eq!(name_of(&["--name", "-x"]), "-x", "a value may look like a flag");
    assert_eq!(name_of(&["--name=a=b"]), "a=b");
}

#[test]
fn switches_take_their_value_behind_a_sign_only() {
    let pre_vote = |args: &[&str]| load(args, &[]).expect("a good command line").raft.pre_vote;
    for (args, expected) in [
        (&["--pre-vote"][..], true),
        (&["--pre-vote=false"], false),
        (&["-pre-vote=F"], false),
        (&["--pre-vote=0"], false),
        (&["--pre-vote=false", "--pre-vote"], true),
        (&["--pre-vote=TRUE"], true),
    ] {
        assert_eq!(pre_vote(args), expected, "{args:?}");
    }
}

#[test]
fn mistakes_end_with_code_2_and_the_words_of_go() {
    let cases = [
        ("--nope", "flag provided but not defined: -nope"),
        ("-nope=1", "flag provided but not defined: -nope"),
        ("--Name=a", "flag provided but not defined: -Name"),
        ("---x", "bad flag syntax: ---x"),
        ("--=x", "bad flag syntax: --=x"),
        ("-=x", "bad flag syntax: -=x"),
        ("--data-dir", "flag needs an argument: -data-dir"),
        ("--max-txn-ops=abc", "invalid value \"abc\" for flag -max-txn-ops: parse error"),
        ("--max-snapshots=-1", "invalid value \"-1\" for flag -max-snapshots: parse error"),
        (
            "--quota-backend-bytes=99999999999999999999",
            "invalid value \"99999999999999999999\" for flag -quota-backend-bytes: value out of range",
        ),
        ("--pre-vote=maybe", "invalid boolean value \"maybe\" for -pre-vote: parse error"),
        ("--backend-batch-interval=5", "invalid value \"5\" for flag -backend-batch-interval: parse error"),
        ("--backend-batch-interval=", "invalid value \"\" for flag -backend-batch-interval: parse error"),
        (
            "--max-concurrent-streams=5000000000",
            "invalid value \"5000000000\" for flag -max-concurrent-streams: strconv.ParseUint: parsing \
             \"5000000000\": value out of range",
        ),
        (
            "--initial-cluster-state=foo",
            "invalid value \"foo\" for flag -initial-cluster-state: invalid value",
        ),
        (
            "--v2-deprecation=not-yet",
            "invalid value \"not-yet\" for flag -v2-deprecation: invalid value \"not-yet\"",
        ),
        (
            "--listen-client-urls=http://x",
            "invalid value \"http://x\" for flag -listen-client-urls: URL address does not have the form \
             \"host:port\": http://x",
        ),
        (
            "--cors=abc",
            "invalid value \"abc\" for flag -cors: URL scheme must be http, https, unix, or unixs: abc",
        ),
        (
            "--feature-gates=Foo=true",
            "invalid value \"Foo=true\" for flag -feature-gates: unrecognized feature gate: Foo",
        ),
    ];
    for (arg, expected) in cases {
        let exit = load(&[arg], &[]).expect_err(arg);
        assert_eq!((exit.code, exit.stdout.as_str()), (2, ""), "{arg}");
        assert_eq!(exit.stderr.lines().next(), Some(expected), "{arg}");
        assert!(exit.stderr.contains("\nUsage:\n"), "{arg}");
    }
}

#[test]
fn a_flag_that_is_gone_is_unknown_and_its_heir_is_named() {
    let exit = load(&["--experimental-corrupt-check-time=1m"], &[]).expect_err("the flag is gone");
    assert_eq!(exit.code, 2);
    let mut lines = exit.stderr.lines();
    assert_eq!(lines.next(), Some("flag provided but not defined: -experimental-corrupt-check-time"));
    assert!(lines.next().is_some_and(|line| line.contains("use --corrupt-check-time")));
}

#[test]
fn what_is_no_flag_ends_the_flags_and_is_refused() {
    for (args, word) in [
        (&["foo"][..], "foo"),
        (&["--pre-vote", "false"], "false"),
        (&["--", "--version"], "--version"),
        (&["-"], "-"),
        (&[""], ""),
        (&["--name=a", "x", "--nope"], "x"),
    ] {
        let exit = load(args, &[]).expect_err("an argument that is no flag");
        assert_eq!(exit.code, 1, "{args:?}");
        assert_eq!(reason(&exit), format!("{word:?} is not a valid flag"));
    }
}

#[test]
fn old_flags_are_read_and_thrown_away() {
    let config = load(&["--snapshot", "-v=anything", "--max-retry-attempts=5"], &[]);
    assert_eq!(config.expect("relics are accepted").raft.snapshot_count, 10_000);
}

fn run(args: &[&str]) -> Result<Run, Exit> {
    let args: Vec<String> = ["etcd"].iter().chain(args).map(|arg| (*arg).to_owned()).collect();
    Run::load(&args).expect("a subcommand")
}

#[test]
fn subcommands_read_their_flags() {
    let loaded =
        run(&["gateway", "start", "--listen-addr=127.0.0.1:1", "--endpoints=a:1,b:2", "--endpoints", "c:3"]);
    let Program::Gateway(options) = loaded.expect("good flags").program else { panic!("another program") };
    assert_eq!((options.listen.as_str(), options.retry_delay.as_secs()), ("127.0.0.1:1", 60));
    assert_eq!(options.endpoints, ["a:1", "b:2", "c:3"]);
    let loaded =
        run(&["grpc-proxy", "start", "--debug", "--namespace", "n/", "--enable-pprof"]).expect("good flags");
    assert_eq!((loaded.log.level, loaded.notices.len()), (Level::Debug, 2));
    let Program::GrpcProxy(options) = loaded.program else { panic!("another program") };
    assert_eq!((options.namespace.as_str(), options.endpoints), ("n/", vec!["127.0.0.1:2379".to_owned()]));
    assert_eq!(run(&["gateway"]).expect_err("help").code, 0);
    assert_eq!(run(&["gateway", "--endpoints", "start"]).expect_err("a value").code, 0);
    for before in [&["--endpoints=d:4"][..], &["--endpoints", "d:4", "--insecure-discovery"]] {
        let parsed = run(&[&["gateway"], before, &["start"]].concat()).expect("start may stand behind");
        let Program::Gateway(options) = parsed.program else { panic!("the gateway was asked for") };
        assert_eq!(options.endpoints, ["d:4"]);
    }
    assert_eq!(run(&["grpc-proxy", "start", "--help"]).expect_err("help").code, 0);
}

#[test]
fn mistakes_of_subcommands_are_told_in_the_words_of_etcd() {
    let cases = [
        (&["gateway", "start", "--nope"][..], "Error: unknown flag: --nope\n"),
        (
            &["grpc-proxy", "start", "--resolver-ttl", "x"],
            "Error: invalid argument \"x\" for \"--resolver-ttl\" flag: strconv.ParseInt: parsing \"x\": invalid syntax\n",
        ),
        (&["grpc-proxy", "start", "--key"], "Error: flag needs an argument: --key\n"),
        (&["grpc-proxy", "start", "-k"], "Error: unknown shorthand flag: 'k' in -k\n"),
        (&["grpc-proxy", "start", "--resolver-prefix=p"], "invalid resolver-ttl 0\n"),
        (&["grpc-proxy", "start", "--resolver-ttl=1"], "invalid resolver-prefix \"\"\n"),
        (
            &["grpc-proxy", "start", "--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"],
            "min version (TLS1.3) is greater than max version (TLS1.2)\n",
        ),
    ];
    for (args, expected) in cases {
        let exit = run(args).expect_err("a mistake");
        assert_eq!((exit.code, exit.stderr.as_str()), (1, expected), "{args:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_command_line_is_a_panic(
        args in proptest::collection::vec("(--?)?(name|max-txn-ops|cors|pre-vote|listen-peer-urls|x)?=?[ -~é]{0,12}", 0..4)
    ) {
        let args: Vec<String> = std::iter::once("etcd".to_owned()).chain(args).collect();
        let _ = Config::load(&args, &[]);
    }
}
