//! Replies as bytes: `WatchResponse` messages, written straight from the events' own encoding.
//!
//! A reply is one message, unless its watcher allows fragments and it is too big: it is then cut between
//! events, and all messages but the last say that more follows. A [`Frame`] is one such message, with its
//! length known before it is written, which is all that a gRPC codec needs.

use crate::{EventSet, ReplyBody, WatchReply};
use bytes::{BufMut, Bytes};
use oxetcd_api::{Event, EventKind};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use std::ops::Range;

/// Field numbers of `WatchResponse`.
mod response {
    pub(super) const HEADER: u32 = 1;
    pub(super) const WATCH_ID: u32 = 2;
    pub(super) const CREATED: u32 = 3;
    pub(super) const CANCELED: u32 = 4;
    pub(super) const COMPACT_REVISION: u32 = 5;
    pub(super) const CANCEL_REASON: u32 = 6;
    pub(super) const FRAGMENT: u32 = 7;
    pub(super) const EVENTS: u32 = 11;
}

/// Field numbers of `mvccpb.Event`.
mod event {
    pub(super) const TYPE: u32 = 1;
    pub(super) const KV: u32 = 2;
    pub(super) const PREV_KV: u32 = 3;
    pub(super) const TYPE_DELETE: u64 = 1;
}

/// Field numbers of `ResponseHeader`.
mod header {
    pub(super) const CLUSTER_ID: u32 = 1;
    pub(super) const MEMBER_ID: u32 = 2;
    pub(super) const REVISION: u32 = 3;
    pub(super) const RAFT_TERM: u32 = 4;
}

/// What the server adds to each reply's header; the revision is the reply's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Id of the cluster.
    pub cluster_id: u64,
    /// Id of the member that answers.
    pub member_id: u64,
    /// The member's raft term.
    pub raft_term: u64,
}

/// One `WatchResponse` message, ready to be written.
#[derive(Clone, Debug)]
pub struct Frame {
    header: Header,
    reply: WatchReply,
    /// The part of the reply's events that goes into this message.
    part: Range<usize>,
    /// Whether more messages of the same reply follow.
    more: bool,
}

/// The messages of one reply, in order; see [`WatchReply::into_frames`].
#[derive(Clone, Debug)]
pub struct Frames {
    header: Header,
    reply: Option<WatchReply>,
    next_event: usize,
    limit_bytes: usize,
}

impl WatchReply {
    /// The messages that carry this reply: one, or several of less than `limit_bytes` each (where a single
    /// event is not bigger) if the watcher asked for fragments. etcd's limit is the request size limit plus
    /// 512 KiB. Look up previous values first.
    pub fn into_frames(self, header: Header, limit_bytes: usize) -> Frames {
        Frames { header, reply: Some(self), next_event: 0, limit_bytes }
    }
}

impl Frames {
    /// Where the message that starts with event `from` must end.
    fn cut(&self, events: &EventSet, from: usize, fixed_bytes: usize) -> usize {
        let mut size_bytes = fixed_bytes;
        for at in from..events.len() {
            size_bytes += event_field_len(events, at);
            if at > from && size_bytes >= self.limit_bytes {
                return at;
            }
        }
        events.len()
    }
}

impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let reply = self.reply.take()?;
        let count = reply.event_count();
        let mut frame = Frame { header: self.header, reply, part: self.next_event..count, more: false };
        let Some(events) = frame.reply.events().filter(|events| events.fragment && count > 1) else {
            return Some(frame);
        };
        if self.next_event == 0 && frame.encoded_len() < self.limit_bytes {
            return Some(frame);
        }
        let fixed_bytes = fixed_len(&frame.header, &frame.reply, true);
        let end = self.cut(events, self.next_event, fixed_bytes);
        frame.part.end = end;
        frame.more = end < count;
        if frame.more {
            self.next_event = end;
            self.reply = Some(frame.reply.clone());
        }
        Some(frame)
    }
}

impl Frame {
    /// The reply it is made of.
    pub fn reply(&self) -> &WatchReply {
        &self.reply
    }

    /// Number of events in this message.
    pub fn event_count(&self) -> usize {
        self.part.len()
    }

    /// Exact length of the message in bytes.
    pub fn encoded_len(&self) -> usize {
        let events = self.reply.events();
        let events_len: usize =
            events.map_or(0, |events| self.part.clone().map(|at| event_field_len(events, at)).sum());
        fixed_len(&self.header, &self.reply, self.more) + events_len
    }

    /// Writes the message. `out` must have room for [`Frame::encoded_len`] bytes.
    ///
    /// # Panics
    /// When a fixed-size `out` has not enough room.
    pub fn encode(&self, out: &mut impl BufMut) {
        let fields = Fields::of(&self.reply);
        let head = header_fields(&self.header, &self.reply);
        encode_key(response::HEADER, WireType::LengthDelimited, out);
        encode_varint(header_len(&head) as u64, out);
        for (tag, value) in head {
            put_number(tag, value, out);
        }
        put_number(response::WATCH_ID, self.reply.watch_id as u64, out);
        put_number(response::CREATED, fields.created.into(), out);
        put_number(response::CANCELED, fields.canceled.into(), out);
        put_number(response::COMPACT_REVISION, fields.compact_revision as u64, out);
        if !fields.reason.is_empty() {
            put_bytes(response::CANCEL_REASON, fields.reason.as_bytes(), out);
        }
        put_number(response::FRAGMENT, self.more.into(), out);
        if let Some(events) = self.reply.events() {
            for at in self.part.clone() {
                put_event(events, at, out);
            }
        }
    }
}

/// The fields of a reply other than its events.
struct Fields<'a> {
    created: bool,
    canceled: bool,
    compact_revision: i64,
    reason: &'a str,
}

impl<'a> Fields<'a> {
    fn of(reply: &'a WatchReply) -> Self {
        let (created, canceled, compact_revision, reason) = match &reply.body {
            ReplyBody::Created => (true, false, 0, ""),
            ReplyBody::Refused(reason) => (true, true, 0, reason.as_ref()),
            ReplyBody::Canceled => (false, true, 0, ""),
            ReplyBody::Ended(reason) => (false, true, 0, reason.as_ref()),
            ReplyBody::Compacted(revision) => (false, true, *revision, ""),
            ReplyBody::Progress | ReplyBody::Events(_) => (false, false, 0, ""),
        };
        Fields { created, canceled, compact_revision, reason }
    }
}

fn header_fields(header: &Header, reply: &WatchReply) -> [(u32, u64); 4] {
    [
        (header::CLUSTER_ID, header.cluster_id),
        (header::MEMBER_ID, header.member_id),
        (header::REVISION, reply.revision as u64),
        (header::RAFT_TERM, header.raft_term),
    ]
}

fn header_len(fields: &[(u32, u64); 4]) -> usize {
    fields.iter().map(|(tag, value)| number_len(*tag, *value)).sum()
}

/// Length of a message without its events.
fn fixed_len(header: &Header, reply: &WatchReply, more: bool) -> usize {
    let fields = Fields::of(reply);
    let reason =
        if fields.reason.is_empty() { 0 } else { bytes_len(response::CANCEL_REASON, fields.reason.len()) };
    bytes_len(response::HEADER, header_len(&header_fields(header, reply)))
        + number_len(response::WATCH_ID, reply.watch_id as u64)
        + number_len(response::CREATED, fields.created.into())
        + number_len(response::CANCELED, fields.canceled.into())
        + number_len(response::COMPACT_REVISION, fields.compact_revision as u64)
        + reason
        + number_len(response::FRAGMENT, more.into())
}

/// Length of the inner bytes of an `mvccpb.Event`.
fn event_len(event: &Event, previous: Option<&Bytes>) -> usize {
    let kind = if event.kind == EventKind::Delete { number_len(event::TYPE, event::TYPE_DELETE) } else { 0 };
    kind + bytes_len(event::KV, event.kv.len()) + previous.map_or(0, |kv| bytes_len(event::PREV_KV, kv.len()))
}

fn event_field_len(events: &EventSet, at: usize) -> usize {
    let (event, previous) = events.get(at);
    bytes_len(response::EVENTS, event_len(event, previous))
}

fn put_event(events: &EventSet, at: usize, out: &mut impl BufMut) {
    let (event, previous) = events.get(at);
    encode_key(response::EVENTS, WireType::LengthDelimited, out);
    encode_varint(event_len(event, previous) as u64, out);
    if event.kind == EventKind::Delete {
        put_number(event::TYPE, event::TYPE_DELETE, out);
    }
    put_bytes(event::KV, &event.kv, out);
    if let Some(kv) = previous {
        put_bytes(event::PREV_KV, kv, out);
    }
}

/// Writes a number field; zero is absent, as proto3 wants it.
fn put_number(tag: u32, value: u64, out: &mut impl BufMut) {
    if value != 0 {
        encode_key(tag, WireType::Varint, out);
        encode_varint(value, out);
    }
}

fn number_len(tag: u32, value: u64) -> usize {
    if value == 0 { 0 } else { key_len(tag) + encoded_len_varint(value) }
}

fn put_bytes(tag: u32, bytes: &[u8], out: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.put_slice(bytes);
}

fn bytes_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}
