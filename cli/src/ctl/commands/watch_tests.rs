//! Arguments and interactive lines of the watch command.

use super::*;

fn env(key: &str, range_end: &str) -> KeysFromEnvironment {
    KeysFromEnvironment { key: key.into(), range_end: range_end.into() }
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn from_args(args: &[&str], environment: &KeysFromEnvironment) -> Result<(String, String), String> {
    let matches = parse(FLAGS, &words(args)).map_err(|error| error.0)?;
    let line = WatchLine::new(&matches, environment)?;
    let join = |words: &[Vec<u8>]| String::from_utf8_lossy(&words.join(&b' ')).into_owned();
    Ok((join(&line.keys), join(&line.exec)))
}

#[test]
fn keys_stand_before_the_dashes_and_the_command_behind() {
    let none = KeysFromEnvironment::default();
    let check = |args: &[&str], environment: &KeysFromEnvironment, keys: &str, exec: &str| {
        assert_eq!(from_args(args, environment), Ok((keys.to_owned(), exec.to_owned())), "{args:?}");
    };
    check(&["foo"], &none, "foo", "");
    check(&["foo", "bar", "--rev", "1"], &none, "foo bar", "");
    check(&["foo", "--", "echo", "hi"], &none, "foo", "echo hi");
    check(&["foo", "--rev", "1", "bar", "--", "echo", "--", "hi"], &none, "foo bar", "echo -- hi");
    check(&["foo", "--", "echo", "echo"], &none, "foo", "echo echo");
    check(&["--", "foo"], &none, "", "foo");
    check(&[], &env("foo", ""), "foo", "");
    check(&["--rev", "1"], &env("foo", "fox"), "foo fox", "");
    check(&["--prefix", "--", "echo", "foo"], &env("foo", "fox"), "foo fox", "echo foo");
}

#[test]
fn wrong_arguments() {
    let none = KeysFromEnvironment::default();
    let error = |args: &[&str], environment: &KeysFromEnvironment| {
        from_args(args, environment).map(|_| ()).expect_err("wrong")
    };
    let separator = "bad number of arguments (found separator --, but no commands)";
    assert_eq!(error(&["foo", "--"], &none), separator);
    assert_eq!(error(&["--"], &env("foo", "")), separator);
    let conflict = "bad number of arguments (found conflicting environment key)";
    assert_eq!(error(&["foo"], &env("foo", "")), conflict);
    assert_eq!(error(&["foo", "--", "echo", "1"], &env("foo", "")), conflict);
    assert_eq!(
        error(&["--rev=x"], &none),
        "invalid argument \"x\" for \"--rev\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"
    );
}

fn request(args: &[&str]) -> Result<WatchCreateRequest, &'static str> {
    let matches = parse(FLAGS, &words(args)).expect("valid flags");
    WatchLine::new(&matches, &KeysFromEnvironment::default())?.request()
}

#[test]
fn requests_carry_all_flags() {
    let all = WatchCreateRequest {
        key: "a".into(),
        range_end: "b".into(),
        start_revision: 7,
        progress_notify: true,
        prev_kv: true,
        ..WatchCreateRequest::default()
    };
    assert_eq!(request(&["a", "--prefix", "--rev=7", "--prev-kv", "--progress-notify"]), Ok(all));
    let range = request(&["a", "c"]).map(|request| (request.key, request.range_end));
    assert_eq!(range, Ok(("a".into(), "c".into())));
    let everything = request(&["", "--prefix"]).map(|request| (request.key, request.range_end));
    assert_eq!(everything, Ok((Bytes::from_static(&[0]), Bytes::from_static(&[0]))));
    assert_eq!(request(&["a", "c", "--prefix"]), Err("`range_end` and `--prefix` are mutually exclusive"));
    assert_eq!(request(&[]), Err("bad number of arguments"));
}

#[test]
fn interactive_lines() {
    let none = KeysFromEnvironment::default();
    let line =
        |text: &str, environment: &KeysFromEnvironment| parse_interactive(text.as_bytes(), environment);
    assert_eq!(line("progress", &none), Ok(InteractiveLine::Progress));
    let wrong = |text: &str| Ok(InteractiveLine::Wrong(text.to_owned()));
    assert_eq!(line("", &none), wrong("Invalid command:  (watch and progress supported)"));
    assert_eq!(line("get a", &none), wrong("Invalid command get a (only support watch)"));
    assert_eq!(line("watch", &none), wrong("Invalid command watch (command type or key is not provided)"));
    assert_eq!(
        line("watch a b --prefix", &none),
        wrong("Invalid command watch a b --prefix (`range_end` and `--prefix` are mutually exclusive)")
    );
    assert_eq!(line("watch --nope a", &none), Err("unknown flag: --nope".to_owned()));
    assert_eq!(line("watch --rev 1", &none), Err("bad number of arguments".to_owned()));
    let Ok(InteractiveLine::Watch(watch)) = line("watch \"a b\" --rev 3 -- echo 'x y'", &none) else {
        panic!()
    };
    assert_eq!((watch.keys, watch.exec, watch.revision), (words(&["a b"]), words(&["echo", "x y"]), 3));
    let Ok(InteractiveLine::Watch(watch)) = line("watch", &env("k", "")) else { panic!() };
    assert_eq!(watch.keys, words(&["k"]));
}
