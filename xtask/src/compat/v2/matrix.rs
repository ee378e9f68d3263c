//! What goes with what: every method, on every kind of place, with every parameter and many pairs of them.
//!
//! The tree changes under the requests, and alike on both servers as long as these agree; so each request is also
//! a test of those before it.

use super::script::{Action, Request, Script, Step};

/// A file, a directory with something in it, an empty one, nothing, something below a file, and what is hidden.
const PLACES: [&str; 9] = [
    "/v2/keys",
    "/v2/keys/",
    "/v2/keys/file",
    "/v2/keys/dir",
    "/v2/keys/empty",
    "/v2/keys/none",
    "/v2/keys/file/below",
    "/v2/keys/dir/new/deep",
    "/v2/keys/_hidden",
];

const WRITES: [&str; 27] = [
    "",
    "value=v",
    "value=",
    "value=v&ttl=1000",
    "ttl=",
    "ttl=x",
    "dir=true",
    "dir=true&ttl=1000",
    "dir=true&value=v",
    "dir=maybe",
    "prevExist=true&value=u",
    "prevExist=false&value=c",
    "prevExist=true&dir=true",
    "prevExist=x",
    "prevValue=v&value=w",
    "prevValue=no&value=w",
    "prevValue=",
    "prevIndex=1&value=w",
    "prevIndex=x",
    "prevValue=no&prevIndex=1&value=w",
    "prevExist=true&prevValue=u&value=v",
    "refresh=true&ttl=1000",
    "refresh=true&ttl=1000&prevExist=true",
    "refresh=true",
    "refresh=true&ttl=1000&value=v",
    "refresh=x",
    "noValueOnSuccess=true&value=v",
];

const READS: [&str; 13] = [
    "",
    "recursive=true",
    "recursive=true&sorted=true",
    "sorted=true",
    "quorum=true",
    "quorum=true&wait=true",
    "recursive=x",
    "sorted=x",
    "quorum=x",
    "wait=x",
    "stream=x",
    "waitIndex=x",
    "waitIndex=-1",
];

const DELETES: [&str; 10] = [
    "prevValue=no",
    "prevIndex=1",
    "prevValue=",
    "prevIndex=x",
    "wait=true",
    "dir=x",
    "prevExist=true",
    "",
    "dir=true",
    "recursive=true",
];

/// What stands at the places before each round.
const PREPARE: [&str; 6] = [
    "DELETE /v2/keys/file?recursive=true",
    "PUT /v2/keys/file value=v",
    "PUT /v2/keys/dir/a value=1",
    "PUT /v2/keys/dir/_b value=2",
    "PUT /v2/keys/empty dir=true",
    "PUT /v2/keys/_hidden value=h",
];

/// The requests.
pub(super) fn script() -> Script {
    let mut lines: Vec<String> = Vec::new();
    let mut round = |method: &str, parameters: &[&str], in_body: bool| {
        lines.extend(PREPARE.map(str::to_owned));
        for place in PLACES {
            for given in parameters {
                lines.push(match (given.is_empty(), in_body) {
                    (true, _) => format!("{method} {place}"),
                    (false, true) => format!("{method} {place} {given}"),
                    (false, false) => format!("{method} {place}?{given}"),
                });
            }
        }
    };
    round("PUT", &WRITES, true);
    round("GET", &READS, false);
    round("PUT", &WRITES, false);
    round("HEAD", &READS, false);
    round("POST", &WRITES, true);
    round("DELETE", &DELETES, false);
    round("POST", &WRITES, false);
    round("PATCH", &[""], false);
    round("DELETE", &DELETES, true);
    let step = |(at, line): (usize, &String)| {
        let request = Request::parse(line).expect("lines are made of a method and a path");
        Step { line: at + 1, action: Action::Send { request, times: 1 } }
    };
    Script { name: "matrix".to_owned(), steps: lines.iter().enumerate().map(step).collect() }
}
