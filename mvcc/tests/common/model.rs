//! The model: every revision's full content, and rules written down as plainly as possible.

use super::Answer;
use oxetcd_api::{
    etcdserverpb::{self as pb, request_op::Request, response_op::Response},
    mvccpb::KeyValue,
};
use pb::{
    compare::{CompareResult, CompareTarget, TargetUnion},
    range_request::{SortOrder, SortTarget},
};
use std::collections::{BTreeMap, BTreeSet};

pub type Content = BTreeMap<Vec<u8>, KeyValue>;

const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";
const FUTURE: &str = "etcdserver: mvcc: required revision is a future revision";

/// The whole history. `contents[n]` is what revision `n` sees.
#[derive(Clone, Debug)]
pub struct Model {
    pub contents: Vec<Content>,
    pub compacted: i64,
    pub leases: BTreeSet<i64>,
}

impl Default for Model {
    fn default() -> Self {
        Model { contents: vec![Content::new(); 2], compacted: -1, leases: BTreeSet::from([1, 2]) }
    }
}

fn inside(key: &[u8], start: &[u8], end: &[u8]) -> bool {
    match end {
        [] => key == start,
        [0] => key >= start,
        end => start <= key && key < end,
    }
}

fn header(revision: i64) -> Option<pb::ResponseHeader> {
    Some(pb::ResponseHeader { revision, ..Default::default() })
}

/// A transaction at work on a copy of the content.
struct Work<'a> {
    model: &'a Model,
    content: Content,
    changed: bool,
}

impl Model {
    pub fn revision(&self) -> i64 {
        self.contents.len() as i64 - 1
    }

    pub fn now(&self) -> &Content {
        self.contents.last().expect("never empty")
    }

    pub fn keys_with_lease(&self) -> BTreeMap<Vec<u8>, i64> {
        let leased = self.now().iter().filter(|(_, kv)| kv.lease != 0);
        leased.map(|(key, kv)| (key.clone(), kv.lease)).collect()
    }

    pub fn range(&self, request: &pb::RangeRequest) -> Answer<pb::RangeResponse> {
        self.work().range(request)
    }

    pub fn compact(&mut self, revision: i64) -> Answer<()> {
        if revision <= self.compacted {
            return Err(COMPACTED.into());
        }
        if revision > self.revision() {
            return Err(FUTURE.into());
        }
        self.compacted = revision;
        Ok(())
    }

    pub fn put(&mut self, request: &pb::PutRequest) -> Answer<pb::PutResponse> {
        let mut work = self.work();
        work.check_put(request)?;
        let response = work.put(request);
        self.finish_work(work.content, work.changed);
        Ok(response)
    }

    pub fn delete(&mut self, request: &pb::DeleteRangeRequest) -> pb::DeleteRangeResponse {
        let mut work = self.work();
        let response = work.delete(request);
        self.finish_work(work.content, work.changed);
        response
    }

    pub fn txn(&mut self, request: &pb::TxnRequest) -> Answer<pb::TxnResponse> {
        let mut work = self.work();
        work.check(request)?;
        let mut response = work.txn(request)?;
        response.header = header(work.revision());
        self.finish_work(work.content, work.changed);
        Ok(response)
    }

    fn work(&self) -> Work<'_> {
        Work { model: self, content: self.now().clone(), changed: false }
    }

    fn finish_work(&mut self, content: Content, changed: bool) {
        if changed {
            self.contents.push(content);
        }
    }

    fn holds(&self, compare: &pb::Compare) -> bool {
        let found: Vec<&KeyValue> =
            self.now().values().filter(|kv| inside(&kv.key, &compare.key, &compare.range_end)).collect();
        if found.is_empty() {
            return compare.target() != CompareTarget::Value && meets(compare, &KeyValue::default());
        }
        found.into_iter().all(|kv| meets(compare, kv))
    }

    fn branch<'r>(&self, request: &'r pb::TxnRequest) -> (bool, &'r [pb::RequestOp]) {
        let succeeded = request.compare.iter().all(|compare| self.holds(compare));
        (succeeded, if succeeded { &request.success } else { &request.failure })
    }
}

fn meets(compare: &pb::Compare, kv: &KeyValue) -> bool {
    let order = match compare.target_union.clone().expect("always given") {
        TargetUnion::Version(asked) => kv.version.cmp(&asked),
        TargetUnion::CreateRevision(asked) => kv.create_revision.cmp(&asked),
        TargetUnion::ModRevision(asked) => kv.mod_revision.cmp(&asked),
        TargetUnion::Lease(asked) => kv.lease.cmp(&asked),
        TargetUnion::Value(asked) => kv.value.cmp(&asked),
    };
    match compare.result() {
        CompareResult::Equal => order.is_eq(),
        CompareResult::NotEqual => order.is_ne(),
        CompareResult::Greater => order.is_gt(),
        CompareResult::Less => order.is_lt(),
    }
}

impl Work<'_> {
    fn revision(&self) -> i64 {
        self.model.revision() + i64::from(self.changed)
    }

    fn check(&self, request: &pb::TxnRequest) -> Answer<()> {
        self.model.branch(request).1.iter().try_for_each(|operation| match operation.request.as_ref() {
            Some(Request::RequestRange(range)) if range.revision > self.model.revision() => {
                Err(FUTURE.into())
            }
            Some(Request::RequestRange(range))
                if range.revision != 0 && range.revision < self.model.compacted =>
            {
                Err(COMPACTED.into())
            }
            Some(Request::RequestPut(put)) => self.check_put(put),
            Some(Request::RequestTxn(nested)) => self.check(nested),
            _ => Ok(()),
        })
    }

    fn check_put(&self, request: &pb::PutRequest) -> Answer<()> {
        if request.lease != 0 && !self.model.leases.contains(&request.lease) {
            return Err("etcdserver: requested lease not found".into());
        }
        let needs_old = request.ignore_lease || request.ignore_value;
        if needs_old && !self.model.now().contains_key(&request.key[..]) {
            return Err("etcdserver: key not found".into());
        }
        Ok(())
    }

    fn txn(&mut self, request: &pb::TxnRequest) -> Answer<pb::TxnResponse> {
        let (succeeded, operations) = self.model.branch(request);
        let mut responses = Vec::new();
        for operation in operations {
            let response = match operation.request.as_ref().expect("always given") {
                Request::RequestRange(range) => Response::ResponseRange(self.range(range)?),
                Request::RequestPut(put) => Response::ResponsePut(self.put(put)),
                Request::RequestDeleteRange(delete) => Response::ResponseDeleteRange(self.delete(delete)),
                Request::RequestTxn(nested) => Response::ResponseTxn(self.txn(nested)?),
            };
            responses.push(pb::ResponseOp { response: Some(response) });
        }
        Ok(pb::TxnResponse { header: header(0), succeeded, responses })
    }

    fn put(&mut self, request: &pb::PutRequest) -> pb::PutResponse {
        self.changed = true;
        let revision = self.revision();
        let old = self.content.get(&request.key[..]).cloned();
        let (created, version) =
            old.as_ref().map_or((revision, 1), |old| (old.create_revision, old.version + 1));
        let kept = old.clone().unwrap_or_default();
        let kv = KeyValue {
            key: request.key.clone(),
            create_revision: created,
            mod_revision: revision,
            version,
            value: if request.ignore_value { kept.value } else { request.value.clone() },
            lease: if request.ignore_lease { kept.lease } else { request.lease },
        };
        self.content.insert(request.key.to_vec(), kv);
        pb::PutResponse { header: header(revision), prev_kv: old.filter(|_| request.prev_kv) }
    }

    fn delete(&mut self, request: &pb::DeleteRangeRequest) -> pb::DeleteRangeResponse {
        let mut gone = Vec::new();
        self.content.retain(|key, kv| {
            let stays = !inside(key, &request.key, &request.range_end);
            if !stays {
                gone.push(kv.clone());
            }
            stays
        });
        self.changed |= !gone.is_empty();
        let deleted = gone.len() as i64;
        let prev_kvs = if request.prev_kv { gone } else { Vec::new() };
        pb::DeleteRangeResponse { header: header(self.revision()), deleted, prev_kvs }
    }

    fn range(&self, request: &pb::RangeRequest) -> Answer<pb::RangeResponse> {
        let at = if request.revision > 0 { request.revision } else { self.revision() };
        if at > self.revision() {
            return Err(FUTURE.into());
        }
        if at < self.model.compacted {
            return Err(COMPACTED.into());
        }
        let content = if at == self.revision() { &self.content } else { &self.model.contents[at as usize] };
        let found = content.values().filter(|kv| inside(&kv.key, &request.key, &request.range_end));
        let mut kvs: Vec<KeyValue> = found.cloned().collect();
        let count = kvs.len() as i64;
        let mut more = false;
        if request.count_only {
            kvs.clear();
        }
        let filtered = [
            request.min_mod_revision,
            request.max_mod_revision,
            request.min_create_revision,
            request.max_create_revision,
        ] != [0; 4];
        let limit = if request.limit > 0 { request.limit as usize } else { usize::MAX };
        let unordered = request.sort_order() == SortOrder::None
            || request.sort_order() == SortOrder::Ascend && request.sort_target() == SortTarget::Key;
        if unordered && !filtered {
            kvs.truncate(limit.saturating_add(1));
        }
        let between =
            |value: i64, min: i64, max: i64| (min == 0 || value >= min) && (max == 0 || value <= max);
        kvs.retain(|kv| {
            between(kv.mod_revision, request.min_mod_revision, request.max_mod_revision)
                && between(kv.create_revision, request.min_create_revision, request.max_create_revision)
        });
        let descending = request.sort_order() == SortOrder::Descend;
        kvs.sort_by(|a, b| {
            let order = match request.sort_target() {
                SortTarget::Key => a.key.cmp(&b.key),
                SortTarget::Version => a.version.cmp(&b.version),
                SortTarget::Create => a.create_revision.cmp(&b.create_revision),
                SortTarget::Mod => a.mod_revision.cmp(&b.mod_revision),
                SortTarget::Value => a.value.cmp(&b.value),
            };
            if descending { order.reverse() } else { order }
        });
        if kvs.len() > limit {
            kvs.truncate(limit);
            more = true;
        }
        if request.keys_only {
            for kv in &mut kvs {
                kv.value.clear();
                if request.sort_target() != SortTarget::Value {
                    kv.lease = 0;
                }
            }
        }
        Ok(pb::RangeResponse { header: header(self.revision()), kvs, more, count })
    }
}
