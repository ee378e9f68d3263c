//! Properties of prefixes, against the obvious definition of what is inside.

use super::*;
use oxetcd_api::KeyRange;
use proptest::prelude::*;

/// Few letters, those at the ends of the alphabet among them.
fn text(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0_u8, 1, b'a', b'b', 0xfe, 0xff]), 0..max)
}

proptest! {
    /// A range inside is the range outside: of the keys with the prefix exactly the same, of all others none.
    #[test]
    fn a_range_sees_what_it_would_see_alone(
        prefix in text(4), key in text(4), end in text(4), probe in text(7),
    ) {
        prop_assume!(!(key.is_empty() && end.is_empty()));
        let namespace = Prefix::new(prefix.clone().into());
        let request = RangeRequest { key: key.clone().into(), range_end: end.clone().into(), ..Default::default() };
        let sent = namespace.range_request(request).expect("not empty");
        let outside = KeyRange::new(sent.key, sent.range_end).contains(&probe);
        let inside = probe.strip_prefix(&*prefix).is_some_and(|rest| {
            KeyRange::new(key.into(), end.into()).contains(rest)
        });
        prop_assert_eq!(outside, inside);
    }

    /// Whatever goes out comes back as it was.
    #[test]
    fn a_key_comes_back(prefix in text(4), key in text(4)) {
        let namespace = Prefix::new(prefix.into());
        let mut back = namespace.key(&key);
        namespace.strip(&mut back);
        prop_assert_eq!(&back[..], &key[..]);
    }
}

#[test]
fn an_empty_key_is_not_the_prefix() {
    let namespace = Prefix::new("p".into());
    let refused = Err(Error::etcd("etcdserver: key is not provided"));
    assert_eq!(namespace.put_request(PutRequest::default()), refused);
    let put = RequestOp { request: Some(Request::RequestPut(PutRequest::default())) };
    let nested = TxnRequest { success: vec![put], ..TxnRequest::default() };
    let nested = RequestOp { request: Some(Request::RequestTxn(nested)) };
    let deep = TxnRequest { failure: vec![nested], ..TxnRequest::default() };
    assert_eq!(namespace.txn_request(deep).map(drop), Err(Error::etcd("etcdserver: key is not provided")));
    let compare = TxnRequest { compare: vec![Compare::default()], ..TxnRequest::default() };
    assert!(namespace.txn_request(compare).is_err());
}

#[test]
fn keys_of_others_are_not_shown() {
    let namespace = Prefix::new("p/".into());
    let mut keys = vec!["p/a".into(), "q/a".into(), "p".into(), "p/".into()];
    namespace.keys(&mut keys);
    assert_eq!(keys, ["a", ""]);
}
