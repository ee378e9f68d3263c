//! Scripts of transactions, read and judged.

use super::*;
use oxetcd_api::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest};

/// The functions under test wait for nothing but `del`'s second thoughts, which these inputs never have.
fn now<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    runtime.block_on(future)
}

fn read(text: &str) -> Result<TxnRequest, String> {
    now(read_txn(&mut text.as_bytes(), &Output::memory(), false)).map_err(show)
}

fn show(failure: Failure) -> String {
    format!("{}: {}", failure.code, failure.message.unwrap_or_default())
}

fn comparison(line: &str) -> Result<(CompareResult, CompareTarget, TargetUnion), String> {
    let compare = parse_comparison(line.as_bytes()).map_err(show)?;
    let union = compare.target_union.clone().expect("every comparison has a value");
    Ok((compare.result(), compare.target(), union))
}

#[test]
fn comparisons_of_every_kind() {
    use CompareResult::{Equal, Greater, Less, NotEqual};
    use CompareTarget::{Create, Lease, Mod, Value, Version};
    for (line, expected) in [
        (r#"mod("k") > "0""#, (Greater, Mod, TargetUnion::ModRevision(0))),
        (r#"m("k") = "-1""#, (Equal, Mod, TargetUnion::ModRevision(-1))),
        (r#"create("k") < "3""#, (Less, Create, TargetUnion::CreateRevision(3))),
        (r#"c("k") != "3""#, (NotEqual, Create, TargetUnion::CreateRevision(3))),
        (r#"ver("k") = "1" "#, (Equal, Version, TargetUnion::Version(1))),
        (r#"version("k") = "1""#, (Equal, Version, TargetUnion::Version(1))),
        (r#"val("k") = "a\tb""#, (Equal, Value, TargetUnion::Value("a\tb".into()))),
        (r#"value("k(") = "(""#, (Equal, Value, TargetUnion::Value("(".into()))),
        (r#"lease("k") = "1f""#, (Equal, Lease, TargetUnion::Lease(31))),
    ] {
        assert_eq!(comparison(line), Ok(expected), "{line}");
    }
}

#[test]
fn wrong_comparisons_say_what_was_understood() {
    let error = |line: &str| comparison(line).expect_err("wrong");
    assert_eq!(error("mod"), "3: malformed comparison: mod");
    assert_eq!(error("mod(k) > 0"), r#"3: malformed comparison: mod(k) > 0; got mod("")  """#);
    assert_eq!(error(r#"mod("k") > 0"#), r#"3: malformed comparison: mod("k") > 0; got mod("k") > """#);
    assert_eq!(
        error(r#"size("k") > "0""#),
        r#"3: malformed comparison: size("k") > "0" (unknown target size)"#
    );
    assert_eq!(error(r#"mod("k") > "x""#), r#"3: invalid txn compare request: mod("k") > "x""#);
    assert_eq!(
        error(r#"mod("k") >= "1""#),
        r#"3: malformed comparison: mod("k") >= "1" (unknown operator >=)"#
    );
}

#[test]
fn a_whole_transaction() {
    let text = "mod(\"key1\") > \"0\"\n\n  put key1 \"over wrote\"\nget k --prefix -- \n\ndel a\nge 'b c' --limit=2\n\n";
    let request = read(text).expect("valid");
    let ops = |ops: &[RequestOp]| ops.iter().filter_map(|op| op.request.clone()).collect::<Vec<_>>();
    assert_eq!(request.compare.len(), 1);
    let put = PutRequest { key: "key1".into(), value: "over wrote".into(), ..PutRequest::default() };
    let all = RangeRequest { key: "k".into(), range_end: "l".into(), ..RangeRequest::default() };
    assert_eq!(ops(&request.success), [Request::RequestPut(put), Request::RequestRange(all)]);
    let del = DeleteRangeRequest { key: "a".into(), ..DeleteRangeRequest::default() };
    let few = RangeRequest { key: "b c".into(), limit: 2, ..RangeRequest::default() };
    assert_eq!(ops(&request.failure), [Request::RequestDeleteRange(del), Request::RequestRange(few)]);
}

#[test]
fn wrong_operations_and_a_missing_end() {
    for (text, error) in [
        ("", "3: EOF"),
        ("\n\nput a b\n", "3: EOF"),
        ("\n\nput a b", "3: EOF"),
        ("\nput\n", "3: invalid txn compare request: put"),
        ("\nwatch a\n", "3: invalid txn request: watch a"),
        ("\nget a --nope\n", "3: invalid txn request: get a --nope"),
        ("\nput \"\\q\" b\n", "3: invalid syntax"),
        ("\nput a\n", "128: put command needs 1 argument and input from stdin or 2 arguments"),
        ("\nput a --prev-kv\n", "128: put command needs 1 argument and input from stdin or 2 arguments"),
    ] {
        assert_eq!(read(text).map(|_| ()), Err(error.to_owned()), "{text:?}");
    }
}

#[test]
fn prompts_only_when_interactive() {
    let prompts = |interactive| {
        let out = Output::memory();
        now(read_txn(&mut "\n\n\n".as_bytes(), &out, interactive)).expect("valid");
        String::from_utf8(out.contents()).expect("text")
    };
    assert_eq!(prompts(false), "");
    assert_eq!(
        prompts(true),
        "compares:\nsuccess requests (get, put, del):\nfailure requests (get, put, del):\n"
    );
}
