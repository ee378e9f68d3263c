//! Requests as one line of text, for the log: what was asked, with the sizes of values in place of values.
//!
//! Values are left out because they may be secrets, and what is left is cut at a length that a log can bear.

use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    Compare, DeleteRangeRequest, InternalRaftRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
    compare::TargetUnion, request_op::Request,
};
use prost::Message;
use std::fmt::{Display, Write};

/// Most bytes of a description.
const LIMIT_BYTES: usize = 8 << 10;

/// The entry that holds the encoded request `data`.
pub(crate) fn entry(data: Bytes) -> String {
    let Ok(request) = InternalRaftRequest::decode(data) else { return "?".to_owned() };
    let mut line = Line::default();
    if let Some(header) = &request.header {
        line.group("header", |line| line.field("ID", header.id));
    }
    if let Some(put) = &request.put {
        line.group("put", |line| line.put(put));
    } else if let Some(txn) = &request.txn {
        line.group("txn", |line| line.txn(txn));
    } else if let Some(delete) = &request.delete_range {
        line.group("delete_range", |line| line.delete(delete));
    } else if let Some(range) = &request.range {
        line.group("range", |line| line.range(range));
    } else if let Some(compaction) = &request.compaction {
        line.group("compaction", |line| line.field("revision", compaction.revision));
    } else if let Some(grant) = &request.lease_grant {
        let (ttl, id) = (grant.ttl, grant.id);
        line.group("lease_grant", |line| line.field("ttl", format_args!("{ttl}-second id:{id:016x}")));
    } else if let Some(revoke) = &request.lease_revoke {
        line.group("lease_revoke", |line| line.field("id", format_args!("{:016x}", revoke.id)));
    } else {
        line.field("kind", format_args!("{:?}", oxetcd_machine::Kind::of(&request)));
    }
    line.end()
}

/// The request `message` of the method at `path`; empty for methods whose requests are not shown.
pub(crate) fn request(path: &str, message: Bytes) -> String {
    let mut line = Line::default();
    match path.rsplit('/').next() {
        Some("Range") => line.decoded(message, Line::range),
        Some("Put") => line.decoded(message, Line::put),
        Some("DeleteRange") => line.decoded(message, Line::delete),
        Some("Txn") => line.decoded(message, Line::txn),
        _ => {}
    }
    line.end()
}

/// A line in the making: fields with blanks between them.
#[derive(Default)]
struct Line(String);

impl Line {
    fn end(mut self) -> String {
        if self.0.len() > LIMIT_BYTES {
            // All of it is ASCII: keys are escaped.
            self.0.truncate(LIMIT_BYTES);
            self.0.push_str("...");
        }
        self.0
    }

    fn is_full(&self) -> bool {
        self.0.len() > LIMIT_BYTES
    }

    fn field(&mut self, name: &str, value: impl Display) {
        if !self.0.is_empty() && !self.0.ends_with('<') {
            self.0.push(' ');
        }
        // Writing to a string does not fail.
        let _ = write!(self.0, "{name}:{value}");
    }

    fn group(&mut self, name: &str, inside: impl FnOnce(&mut Line)) {
        self.field(name, '<');
        inside(self);
        self.0.push('>');
    }

    fn decoded<T: Message + Default>(&mut self, message: Bytes, show: impl FnOnce(&mut Line, &T)) {
        if let Ok(message) = T::decode(message) {
            show(self, &message);
        }
    }

    fn key(&mut self, name: &str, key: &[u8]) {
        if !key.is_empty() {
            let shown = &key[..key.len().min(LIMIT_BYTES)];
            self.field(name, format_args!("\"{}\"", shown.escape_ascii()));
        }
    }

    fn number(&mut self, name: &str, value: i64) {
        if value != 0 {
            self.field(name, value);
        }
    }

    fn flag(&mut self, name: &str, on: bool) {
        if on {
            self.field(name, on);
        }
    }

    fn put(&mut self, put: &PutRequest) {
        self.key("key", &put.key);
        self.number("value_size", put.value.len() as i64);
        self.number("lease", put.lease);
        self.flag("prev_kv", put.prev_kv);
        self.flag("ignore_value", put.ignore_value);
        self.flag("ignore_lease", put.ignore_lease);
    }

    fn range(&mut self, range: &RangeRequest) {
        self.key("key", &range.key);
        self.key("range_end", &range.range_end);
        self.number("limit", range.limit);
        self.number("revision", range.revision);
        self.number("sort_order", range.sort_order.into());
        self.number("sort_target", range.sort_target.into());
        self.flag("serializable", range.serializable);
        self.flag("keys_only", range.keys_only);
        self.flag("count_only", range.count_only);
    }

    fn delete(&mut self, delete: &DeleteRangeRequest) {
        self.key("key", &delete.key);
        self.key("range_end", &delete.range_end);
        self.flag("prev_kv", delete.prev_kv);
    }

    fn txn(&mut self, txn: &TxnRequest) {
        self.group("compare", |line| txn.compare.iter().for_each(|compare| line.compare(compare)));
        self.group("success", |line| txn.success.iter().for_each(|op| line.op(op)));
        self.group("failure", |line| txn.failure.iter().for_each(|op| line.op(op)));
    }

    fn compare(&mut self, compare: &Compare) {
        if self.is_full() {
            return;
        }
        self.field("target", compare.target().as_str_name());
        self.key("key", &compare.key);
        self.key("range_end", &compare.range_end);
        self.field("result", compare.result().as_str_name());
        match &compare.target_union {
            Some(TargetUnion::Value(value)) => self.field("value_size", value.len()),
            Some(TargetUnion::Version(number)) => self.field("version", number),
            Some(TargetUnion::CreateRevision(number)) => self.field("create_revision", number),
            Some(TargetUnion::ModRevision(number)) => self.field("mod_revision", number),
            Some(TargetUnion::Lease(number)) => self.field("lease", number),
            None => {}
        }
    }

    fn op(&mut self, op: &RequestOp) {
        if self.is_full() {
            return;
        }
        match &op.request {
            Some(Request::RequestPut(put)) => self.group("request_put", |line| line.put(put)),
            Some(Request::RequestRange(range)) => self.group("request_range", |line| line.range(range)),
            Some(Request::RequestDeleteRange(delete)) => {
                self.group("request_delete_range", |line| line.delete(delete));
            }
            Some(Request::RequestTxn(txn)) => self.group("request_txn", |line| line.txn(txn)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::etcdserverpb::RequestHeader;

    fn put(key: &str, value: &str) -> PutRequest {
        PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..Default::default() }
    }

    #[test]
    fn an_entry_shows_its_keys_and_hides_its_values() {
        let header = Some(RequestHeader { id: 7, ..Default::default() });
        let request = InternalRaftRequest { header, put: Some(put("a\"\n", "secret")), ..Default::default() };
        let shown = entry(request.encode_to_vec().into());
        assert_eq!(shown, r#"header:<ID:7> put:<key:"a\"\n" value_size:6>"#);
        assert_eq!(entry(Bytes::from_static(b"\xff")), "?");
    }

    #[test]
    fn a_transaction_shows_both_branches() {
        let compare = Compare {
            key: "k".into(),
            target_union: Some(TargetUnion::Value("secret".into())),
            target: 3,
            ..Default::default()
        };
        let op = |request| RequestOp { request: Some(request) };
        let range = RangeRequest { key: "a".into(), range_end: "b".into(), ..Default::default() };
        let txn = TxnRequest {
            compare: vec![compare],
            success: vec![op(Request::RequestPut(put("k", "v"))), op(Request::RequestRange(range))],
            failure: vec![op(Request::RequestTxn(TxnRequest::default()))],
        };
        let shown = request("/etcdserverpb.KV/Txn", txn.encode_to_vec().into());
        let wanted = "compare:<target:VALUE key:\"k\" result:EQUAL value_size:6> \
                      success:<request_put:<key:\"k\" value_size:1> \
                      request_range:<key:\"a\" range_end:\"b\">> \
                      failure:<request_txn:<compare:<> success:<> failure:<>>>";
        assert_eq!(shown, wanted);
    }

    #[test]
    fn a_huge_request_is_cut() {
        let success =
            (0..128).map(|_| RequestOp { request: Some(Request::RequestPut(put(&"\0".repeat(10_000), ""))) });
        let txn = TxnRequest { success: success.collect(), ..Default::default() };
        let shown = request("/etcdserverpb.KV/Txn", txn.encode_to_vec().into());
        assert!(shown.len() <= LIMIT_BYTES + 3 && shown.ends_with("..."));
        assert_eq!(request("/etcdserverpb.Lease/LeaseGrant", Bytes::new()), "");
    }
}
