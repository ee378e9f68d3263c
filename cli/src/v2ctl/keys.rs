//! The keys, over `/v2/keys`.

use super::{
    cluster::{Call, Cluster, Problem},
    urls::{canonical, escaped_path, form},
};
use bytes::Bytes;
use http::{Method, Response};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

const PREFIX: &str = "/v2/keys";
const NOT_JSON: &str =
    "client: response is invalid json. The endpoint is probably not valid etcd cluster endpoint";
const EMPTY: &str = "client: response body is empty";

/// A file or a directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Node {
    /// Its path.
    pub(crate) key: String,
    /// Whether it is a directory.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) dir: bool,
    /// Its value, if it is a file.
    pub(crate) value: String,
    /// What is in it, if it is a directory.
    pub(crate) nodes: Option<Vec<Node>>,
    pub(super) created_index: u64,
    pub(super) modified_index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    /// Seconds that it has left; 0 for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) ttl: i64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a call did, and to what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(super) action: String,
    /// What the call was about.
    pub(crate) node: Node,
    pub(super) prev_node: Option<Node>,
    /// The index of the whole tree.
    #[serde(skip)]
    pub(super) index: u64,
}

/// What a key must be like for a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Exists {
    #[default]
    Whatever,
    Yes,
    No,
}

/// How a key is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Write {
    pub(super) dir: bool,
    /// Seconds; 0 and less mean for ever.
    pub(super) ttl: i64,
    pub(super) exists: Exists,
    /// Empty for whatever.
    pub(super) previous_value: String,
    /// 0 for whatever.
    pub(super) previous_index: u64,
}

/// How a key is deleted.
#[derive(Clone, Debug, Default)]
pub(super) struct Delete {
    pub(super) dir: bool,
    pub(super) recursive: bool,
    pub(super) previous_value: String,
    pub(super) previous_index: u64,
}

/// How keys are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Get {
    /// With all that is below.
    pub(crate) recursive: bool,
    pub(crate) sorted: bool,
    /// As the majority of the members knows it.
    pub(crate) quorum: bool,
}

/// Reads and writes keys.
pub(crate) struct Keys<'a>(pub(crate) &'a Cluster);

impl Keys<'_> {
    /// Reads a key, or what is in a directory.
    pub(crate) async fn get(&self, key: &str, how: Get) -> Result<Answer, Problem> {
        let flags = [("recursive", how.recursive), ("sorted", how.sorted), ("quorum", how.quorum)];
        let query = flags.map(|(name, value)| (name, value.to_string()));
        self.call(&Call::get(path(key, &query)), Some(self.0.deadline())).await
    }

    pub(super) async fn set(&self, key: &str, value: &str, how: &Write) -> Result<Answer, Problem> {
        let (mut query, mut body) = (Vec::new(), Vec::new());
        if how.dir {
            query.push(("dir", "true".to_owned()));
        } else {
            if !how.previous_value.is_empty() {
                query.push(("prevValue", how.previous_value.clone()));
            }
            body.push(("value", value.to_owned()));
        }
        if how.previous_index != 0 {
            query.push(("prevIndex", how.previous_index.to_string()));
        }
        match how.exists {
            Exists::Whatever => {}
            Exists::Yes => query.push(("prevExist", "true".to_owned())),
            Exists::No => query.push(("prevExist", "false".to_owned())),
        }
        if how.ttl > 0 {
            body.push(("ttl", how.ttl.to_string()));
        }
        let call = Call::new(Method::PUT, path(key, &query)).form(form(&body));
        let call = Call { once: how.exists == Exists::No, ..call };
        self.call(&call, Some(self.0.deadline())).await
    }

    pub(super) async fn create_in_order(&self, dir: &str, value: &str, ttl: i64) -> Result<Answer, Problem> {
        let mut body = vec![("value", value.to_owned())];
        if ttl > 0 {
            body.push(("ttl", ttl.to_string()));
        }
        let call = Call::new(Method::POST, path(dir, &[])).form(form(&body));
        self.call(&call, Some(self.0.deadline())).await
    }

    pub(super) async fn delete(&self, key: &str, how: &Delete) -> Result<Answer, Problem> {
        let mut query = Vec::new();
        if !how.previous_value.is_empty() {
            query.push(("prevValue", how.previous_value.clone()));
        }
        if how.previous_index != 0 {
            query.push(("prevIndex", how.previous_index.to_string()));
        }
        let flags = [("dir", how.dir), ("recursive", how.recursive)];
        query.extend(flags.iter().filter(|(_, set)| *set).map(|(name, _)| (*name, "true".to_owned())));
        let call = Call::new(Method::DELETE, path(key, &query)).form(String::new());
        self.call(&Call { once: true, body: None, ..call }, Some(self.0.deadline())).await
    }

    /// Waits for the first change at or after `index` (0: from now on).
    pub(super) async fn wait(&self, key: &str, index: u64, recursive: bool) -> Result<Answer, Problem> {
        let query = [
            ("wait", "true".to_owned()),
            ("waitIndex", index.to_string()),
            ("recursive", recursive.to_string()),
        ];
        let call = Call { waits: true, ..Call::get(path(key, &query)) };
        loop {
            match self.call(&call, None).await {
                // A member that ends says nothing; ask on.
                Err(Problem::Answer(text)) if text == EMPTY => {}
                done => return done,
            }
        }
    }

    async fn call(&self, call: &Call, deadline: Option<Instant>) -> Result<Answer, Problem> {
        understood(&self.0.call(call, deadline).await?)
    }
}

fn path(key: &str, query: &[(&str, String)]) -> String {
    let slash = if key.is_empty() || key.starts_with('/') { "" } else { "/" };
    let path = escaped_path(&canonical(&format!("{PREFIX}{slash}{key}")));
    if query.is_empty() { path } else { format!("{path}?{}", form(query)) }
}

fn understood(answer: &Response<Bytes>) -> Result<Answer, Problem> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Refusal {
        error_code: i64,
        message: String,
        cause: String,
        index: u64,
    }
    let not_json = |_| Problem::Answer(NOT_JSON.to_owned());
    let body = answer.body();
    match answer.status().as_u16() {
        200 | 201 if body.is_empty() => Err(Problem::Answer(EMPTY.to_owned())),
        200 | 201 => {
            let mut understood: Answer = serde_json::from_slice(body).map_err(not_json)?;
            let index = answer.headers().get("X-Etcd-Index").and_then(|index| index.to_str().ok());
            understood.index = index.and_then(|index| index.parse().ok()).unwrap_or(0);
            Ok(understood)
        }
        _ => {
            let Refusal { error_code, message, cause, index } =
                serde_json::from_slice(body).map_err(not_json)?;
            Err(Problem::Answer(format!("{error_code}: {message} ({cause}) [{index}]")))
        }
    }
}
