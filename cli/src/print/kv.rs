//! Keys, values, transactions, events.

use super::{Answer, Json, Page, ToJson, Unsupported, line};
use crate::go::quote::quote;
use oxetcd_api::{
    etcdserverpb::{
        DeleteRangeResponse, PutResponse, RangeResponse, ResponseHeader, ResponseOp, TxnResponse,
        WatchResponse, response_op::Response,
    },
    mvccpb::{Event, KeyValue, event::EventType},
};
use prost::Message as _;

impl Page<'_> {
    fn key_value(&mut self, kv: &KeyValue) {
        if !self.value_only {
            self.text_line(&kv.key);
        }
        self.text_line(&kv.value);
    }

    fn key_value_fields(&mut self, prefix: &str, kv: &KeyValue) {
        line!(self, "\"{prefix}Key\" : {}", quote(&kv.key));
        line!(self, "\"{prefix}CreateRevision\" : {}", kv.create_revision);
        line!(self, "\"{prefix}ModRevision\" : {}", kv.mod_revision);
        line!(self, "\"{prefix}Version\" : {}", kv.version);
        line!(self, "\"{prefix}Value\" : {}", quote(&kv.value));
        if self.hex {
            line!(self, "\"{prefix}Lease\" : {}", padded_hex(kv.lease));
        } else {
            line!(self, "\"{prefix}Lease\" : {}", kv.lease);
        }
    }

    /// The lines of a header.
    pub fn header_fields(&mut self, header: Option<&ResponseHeader>) {
        let header = header.copied().unwrap_or_default();
        self.id_field("ClusterID", header.cluster_id);
        self.id_field("MemberID", header.member_id);
        // Answers that are about no keys have no revision to show.
        if header.revision > 0 {
            line!(self, "\"Revision\" : {}", header.revision);
        }
        line!(self, "\"RaftTerm\" : {}", header.raft_term);
    }

    /// A line with an id of a member or a cluster.
    pub fn id_field(&mut self, name: &str, id: u64) {
        if self.hex {
            line!(self, "\"{name}\" : {id:x}");
        } else {
            line!(self, "\"{name}\" : {id}");
        }
    }
}

/// A signed number in 16 hexadecimal digits.
pub(super) fn padded_hex(id: i64) -> String {
    if id < 0 { format!("-{:015x}", id.unsigned_abs()) } else { format!("{id:016x}") }
}

impl Answer for PutResponse {
    fn simple(&self, page: &mut Page<'_>) {
        page.bytes(b"OK\n");
        self.prev_kv.iter().for_each(|kv| page.key_value(kv));
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        self.prev_kv.iter().for_each(|kv| page.key_value_fields("Prev", kv));
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}

impl Answer for RangeResponse {
    fn simple(&self, page: &mut Page<'_>) {
        self.kvs.iter().for_each(|kv| page.key_value(kv));
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        self.kvs.iter().for_each(|kv| page.key_value_fields("", kv));
        line!(page, "\"More\" : {}", self.more);
        line!(page, "\"Count\" : {}", self.count);
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}

impl Answer for DeleteRangeResponse {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "{}", self.deleted);
        self.prev_kvs.iter().for_each(|kv| page.key_value(kv));
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        line!(page, "\"Deleted\" : {}", self.deleted);
        self.prev_kvs.iter().for_each(|kv| page.key_value_fields("Prev", kv));
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}

impl Answer for TxnResponse {
    fn simple(&self, page: &mut Page<'_>) {
        page.bytes(if self.succeeded { b"SUCCESS\n" } else { b"FAILURE\n" });
        for operation in &self.responses {
            page.bytes(b"\n");
            match &operation.response {
                Some(Response::ResponsePut(answer)) => answer.simple(page),
                Some(Response::ResponseRange(answer)) => answer.simple(page),
                Some(Response::ResponseDeleteRange(answer)) => answer.simple(page),
                other => line!(page, "unexpected response {other:?}"),
            }
        }
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        line!(page, "\"Succeeded\" : {}", self.succeeded);
        for operation in &self.responses {
            match &operation.response {
                Some(Response::ResponsePut(answer)) => answer.fields(page)?,
                Some(Response::ResponseRange(answer)) => answer.fields(page)?,
                Some(Response::ResponseDeleteRange(answer)) => answer.fields(page)?,
                other => line!(page, "\"Unknown\" : {}", quote(format!("{other:?}"))),
            }
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}

impl ToJson for TxnResponse {
    fn json_fields(&self, json: &mut Json<'_, '_>) {
        json.field("header", &self.header);
        json.field("succeeded", &self.succeeded);
        json.field("responses", &self.responses);
    }
}

impl ToJson for ResponseOp {
    fn json_fields(&self, json: &mut Json<'_, '_>) {
        json.name("Response").object(|json| {
            let (name, answer): (_, &dyn ToJson) = match &self.response {
                Some(Response::ResponseRange(answer)) => ("response_range", answer),
                Some(Response::ResponsePut(answer)) => ("response_put", answer),
                Some(Response::ResponseDeleteRange(answer)) => ("response_delete_range", answer),
                Some(Response::ResponseTxn(answer)) => ("response_txn", answer),
                None => return,
            };
            answer.object(json.name(name));
        });
    }
}

/// An answer of a watch.
#[derive(Debug)]
pub struct WatchShown<'a>(pub &'a WatchResponse);

fn event_name(event: &Event) -> &'static str {
    if event.r#type() == EventType::Put { "PUT" } else { "DELETE" }
}

impl Answer for WatchShown<'_> {
    fn simple(&self, page: &mut Page<'_>) {
        for event in &self.0.events {
            line!(page, "{}", event_name(event));
            event.prev_kv.iter().for_each(|kv| page.key_value(kv));
            page.key_value(event.kv.as_ref().unwrap_or(&KeyValue::default()));
        }
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.0.header.as_ref());
        for event in &self.0.events {
            line!(page, "\"Type\" : {}", event_name(event));
            event.prev_kv.iter().for_each(|kv| page.key_value_fields("Prev", kv));
            page.key_value_fields("", event.kv.as_ref().unwrap_or(&KeyValue::default()));
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        let WatchShown(response) = self;
        json.object(|json| {
            response.header.unwrap_or_default().object(json.name("Header"));
            match &response.events[..] {
                [] => json.name("Events").null(),
                events => json.name("Events").list(events, |json, event| event.object(json)),
            }
            json.name("CompactRevision").plain(response.compact_revision);
            json.name("Canceled").plain(response.canceled);
            json.name("Created").plain(response.created);
            json.name("CancelReason").string(&response.cancel_reason);
        });
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        let WatchShown(response) = self;
        let shown = WatchResponse {
            header: response.header.or_else(|| Some(ResponseHeader::default())),
            events: response.events.clone(),
            compact_revision: response.compact_revision,
            canceled: response.canceled,
            created: response.created,
            ..WatchResponse::default()
        };
        Ok(shown.encode_to_vec())
    }
}
