//! Entries that members of etcd 3.5 and older write into the log for their v2 store.
//!
//! Such an entry is a bare `Request`, without an envelope that says so. It is told from all others by its second
//! field: a method's name, where an `InternalRaftRequest` has nothing (or, in theory, such a `Request`).
//!
//! Two of them matter to everybody: a member tells its name and client URLs by a put to its own place below
//! `/0/members`, and the leader the cluster's version by a put to `/0/version`. The rest is the v2 store's.

use bytes::Bytes;
use oxetcd_api::etcdserverpb::Request;
use prost::{Message, encoding::decode_varint};
use serde::Deserialize;

/// Tags of the first two fields: a number and a text.
const ID: u8 = 0x08;
const METHOD: u8 = 0x12;

/// What such an entry means beyond the v2 store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum V2Change {
    /// A member's name and client URLs.
    Attributes {
        /// The member.
        id: u64,
        /// Its name.
        name: String,
        /// Where clients reach it.
        client_urls: Vec<String>,
    },
    /// The version that the cluster speaks.
    ClusterVersion(String),
    /// Nothing.
    None,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Attributes {
    name: String,
    #[serde(rename = "clientURLs")]
    client_urls: Vec<String>,
}

/// The request that an entry's data holds; `None` if it is of the usual kind.
pub(crate) fn decode(data: &Bytes) -> Option<Result<Request, prost::DecodeError>> {
    let mut rest = &data[..];
    if rest.first() == Some(&ID) {
        rest = &rest[1..];
        decode_varint(&mut rest).ok()?;
    }
    rest = rest.strip_prefix(&[METHOD])?;
    let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
    match rest.get(..length)? {
        wrapped if wrapped.first() == Some(&ID) => Some(Request::decode(wrapped)),
        _ => Some(Request::decode(data.clone())),
    }
}

/// The request for a v2 store that an entry's data holds; `None` if it holds something else.
pub fn v2_request(data: &Bytes) -> Option<Request> {
    decode(data)?.ok()
}

/// Whether an entry's data is a request for the v2 tree, which etcd 3.6 and later cannot read; what it means to
/// everybody they do read.
pub fn v2_is_for_tree(data: &Bytes) -> bool {
    decode(data).is_some_and(|request| request.is_ok_and(|request| change(&request) == V2Change::None))
}

/// What an entry's data means to everybody if it was written for a v2 store; nothing, if it is of the usual kind.
pub fn v2_change(data: &Bytes) -> V2Change {
    match decode(data) {
        Some(Ok(request)) => change(&request),
        _ => V2Change::None,
    }
}

/// What it means. One that makes no sense means nothing, to every member alike.
pub(crate) fn change(request: &Request) -> V2Change {
    if request.method() != "PUT" {
        return V2Change::None;
    }
    if request.path() == "/0/version" {
        return V2Change::ClusterVersion(request.val().to_owned());
    }
    let place = request.path().strip_prefix("/0/members/").and_then(|rest| rest.strip_suffix("/attributes"));
    let id = place.and_then(|hex| u64::from_str_radix(hex, 16).ok());
    match (id, serde_json::from_str::<Attributes>(request.val())) {
        (Some(id), Ok(Attributes { name, client_urls })) => V2Change::Attributes { id, name, client_urls },
        _ => V2Change::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::etcdserverpb::{InternalRaftRequest, PutRequest, RequestHeader};
    use proptest::prelude::*;

    fn put(path: &str, val: &str) -> Request {
        Request {
            id: Some(0x1234_5678_9abc),
            method: Some("PUT".into()),
            path: Some(path.into()),
            val: Some(val.into()),
            // As Go's members write them: all fields, set or not.
            dir: Some(false),
            time: Some(0),
            ..Request::default()
        }
    }

    fn decoded(data: Vec<u8>) -> Option<Request> {
        decode(&Bytes::from(data)).map(|request| request.expect("it is one"))
    }

    #[test]
    fn a_members_attributes_are_understood() {
        let request = put("/0/members/2a/attributes", r#"{"name":"n","clientURLs":["http://a:1"]}"#);
        assert_eq!(decoded(request.encode_to_vec()), Some(request.clone()));
        let urls = vec!["http://a:1".to_owned()];
        let expected = V2Change::Attributes { id: 42, name: "n".into(), client_urls: urls };
        assert_eq!(change(&request), expected);
    }

    #[test]
    fn the_clusters_version_is_understood() {
        assert_eq!(change(&put("/0/version", "3.5.0")), V2Change::ClusterVersion("3.5.0".into()));
    }

    #[test]
    fn the_rest_changes_nothing_here() {
        let delete = Request { method: Some("DELETE".into()), ..put("/0/version", "3.5.0") };
        let others = [
            delete,
            put("/1/key", "v"),
            put("/0/members/x/attributes", "{}"),
            put("/0/members/2a/attributes", "no"),
        ];
        for request in others {
            assert_eq!(change(&request), V2Change::None, "{request:?}");
        }
    }

    #[test]
    fn one_in_an_envelope_is_found() {
        let request = put("/0/version", "3.4.0");
        let inner = request.encode_to_vec();
        let mut data = vec![ID, 7, METHOD, inner.len() as u8];
        data.extend_from_slice(&inner);
        assert_eq!(decoded(data), Some(request));
    }

    proptest! {
        #[test]
        fn requests_of_the_usual_kind_are_not_taken_for_one(
            id in any::<u64>(),
            own in any::<u64>(),
            key in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let request = InternalRaftRequest {
                id: own,
                header: Some(RequestHeader { id, ..Default::default() }),
                put: Some(PutRequest { key: key.into(), ..Default::default() }),
                ..Default::default()
            };
            prop_assert!(decode(&request.encode_to_vec().into()).is_none());
        }

        #[test]
        fn any_bytes_do_not_panic(data in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&data.into());
        }
    }
}
