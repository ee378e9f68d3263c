//! What a request for a key asks for, and what is wrong with it before the tree is asked.

use super::{PREFIX, form::Form};
use http::Method;
use oxetcd_api::etcdserverpb::Request;
use oxetcd_v2::{Code, V2Error};

const SECOND: i64 = 1_000_000_000;

/// A request for a key.
#[derive(Debug, PartialEq)]
pub(super) struct KeyRequest {
    /// As it goes into the log.
    pub(super) request: Request,
    /// Whether the answer to a successful write is to be without nodes.
    pub(super) no_value: bool,
}

fn flag(form: &Form, name: &str) -> Result<bool, V2Error> {
    let wrong = || V2Error::request(Code::InvalidField, format!("invalid value for \"{name}\""));
    form.flag(name).ok_or_else(wrong)
}

fn number(form: &Form, name: &str, code: Code) -> Result<u64, V2Error> {
    let wrong = || V2Error::request(code, format!("invalid value for \"{name}\""));
    form.number(name).ok_or_else(wrong)
}

/// A flag of which it matters whether it was given.
fn given(form: &Form, name: &str) -> Result<Option<bool>, V2Error> {
    let wrong = || V2Error::request(Code::InvalidField, format!("invalid value for {name}"));
    form.get(name).map(|_| form.flag(name).ok_or_else(wrong)).transpose()
}

impl KeyRequest {
    /// Reads a request for `key`, at `now` in nanoseconds since 1970.
    ///
    /// # Errors
    /// When something in it is wrong; the first thing in etcd's order.
    pub(super) fn parse(method: &Method, key: &str, form: &Form, now: i64) -> Result<Self, V2Error> {
        let prev_index = number(form, "prevIndex", Code::IndexNaN)?;
        let since = number(form, "waitIndex", Code::IndexNaN)?;
        let recursive = flag(form, "recursive")?;
        let sorted = flag(form, "sorted")?;
        let wait = flag(form, "wait")?;
        let dir = flag(form, "dir")?;
        let quorum = flag(form, "quorum")?;
        let stream = flag(form, "stream")?;
        if wait && method != Method::GET {
            let cause = r#""wait" can only be used with GET requests"#;
            return Err(V2Error::request(Code::InvalidField, cause));
        }
        let prev_value = form.get("prevValue");
        if prev_value == Some("") {
            return Err(V2Error::request(Code::PrevValueRequired, r#""prevValue" cannot be empty"#));
        }
        let no_value = flag(form, "noValueOnSuccess")?;
        let ttl = match form.get("ttl") {
            None | Some("") => None,
            Some(_) => Some(number(form, "ttl", Code::TtlNaN)?),
        };
        let prev_exist = given(form, "prevExist")?;
        let refresh = given(form, "refresh")?;
        if refresh == Some(true) {
            if form.get("value").is_some_and(|value| !value.is_empty()) {
                return Err(V2Error::request(Code::RefreshValue, "A value was provided on a refresh"));
            }
            if ttl.is_none() {
                return Err(V2Error::request(Code::RefreshTtlRequired, "No TTL value set"));
            }
        }
        // Durations overflow as they do in Go.
        let expiration = ttl.map(|ttl| now.wrapping_add((ttl as i64).wrapping_mul(SECOND)));
        let request = Request {
            method: Some(method.as_str().to_owned()),
            // Cleaned first: nothing leads out of the part that holds clients' keys.
            path: Some(oxetcd_v2::clean(&format!("{PREFIX}{}", oxetcd_v2::clean(key)))),
            val: Some(form.get("value").unwrap_or_default().to_owned()),
            dir: Some(dir),
            prev_value: Some(prev_value.unwrap_or_default().to_owned()),
            prev_index: Some(prev_index),
            prev_exist,
            expiration: Some(expiration.unwrap_or(0)),
            wait: Some(wait),
            since: Some(since),
            recursive: Some(recursive),
            sorted: Some(sorted),
            quorum: Some(quorum),
            stream: Some(stream),
            time: Some(now),
            refresh,
            ..Request::default()
        };
        Ok(KeyRequest { request, no_value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: Method, form: &str) -> Option<(u32, String)> {
        let form = Form::parse(&[form]).unwrap_or_default();
        let parsed = KeyRequest::parse(&method, "/k", &form, 7);
        parsed.err().map(|error| (error.code as u32, error.cause))
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_code() {
        let cases = [
            (Method::PUT, "prevIndex=x", 203, "invalid value for \"prevIndex\""),
            (Method::GET, "waitIndex=-1", 203, "invalid value for \"waitIndex\""),
            (Method::GET, "sorted=maybe", 209, "invalid value for \"sorted\""),
            (Method::PUT, "wait=true", 209, "\"wait\" can only be used with GET requests"),
            (Method::PUT, "prevValue=", 201, "\"prevValue\" cannot be empty"),
            (Method::PUT, "ttl=soon", 202, "invalid value for \"ttl\""),
            (Method::PUT, "prevExist=", 209, "invalid value for prevExist"),
            (Method::PUT, "refresh=true&ttl=1&value=v", 211, "A value was provided on a refresh"),
            (Method::PUT, "refresh=true", 212, "No TTL value set"),
        ];
        for (method, form, code, cause) in cases {
            assert_eq!(refused(method, form), Some((code, cause.to_owned())), "{form}");
        }
    }

    #[test]
    fn a_request_is_what_etcd_makes_of_it() -> Result<(), V2Error> {
        let form = Form::parse(&["value=v&ttl=2&prevExist=false"]).unwrap_or_default();
        let KeyRequest { request, no_value } = KeyRequest::parse(&Method::PUT, "/a//b/", &form, 7)?;
        assert_eq!((request.path(), request.val(), request.expiration()), ("/1/a/b", "v", 2 * SECOND + 7));
        assert_eq!((request.prev_exist, request.refresh, no_value), (Some(false), None, false));
        // What leads out of the keys' part leads to nothing: the path is cleaned behind the prefix.
        let outside = KeyRequest::parse(&Method::GET, "/../2/users", &Form::default(), 7)?;
        assert!(outside.request.path().starts_with("/1/"), "{:?}", outside.request.path());
        Ok(())
    }
}
