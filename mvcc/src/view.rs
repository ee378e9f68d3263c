//! Reading at one revision.

use crate::{
    Error, RangeResult, Result,
    encoded::Encoder,
    range::{self, Filters, Shape},
    read, record,
    span::Target,
    store::Shared,
};
use oxetcd_api::{etcdserverpb::RangeRequest, mvccpb::KeyValue};

/// What requests see whose "now" is `current`: a finished transaction's revision for readers, the running one
/// for a transaction that has written.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) current: i64,
    /// Whether the caller has pinned `current`.
    pinned: bool,
    /// Called between the pieces of a long answer.
    pause: &'a dyn Fn(),
}

impl<'a> View<'a> {
    pub(crate) fn new(shared: &'a Shared, current: i64) -> Self {
        View { shared, current, pinned: false, pause: &|| {} }
    }

    /// A view that lets others have their turn: `pause` is called between the pieces of a long answer.
    pub(crate) fn with_pauses(shared: &'a Shared, current: i64, pause: &'a dyn Fn()) -> Self {
        View { pause, ..View::new(shared, current) }
    }

    /// A view of a revision that is pinned for as long as the view is used.
    pub(crate) fn pinned(shared: &'a Shared, current: i64, pause: &'a dyn Fn()) -> Self {
        View { pinned: true, ..View::with_pauses(shared, current, pause) }
    }

    /// The revision that `request` reads at.
    pub(crate) fn revision_of(&self, request: &RangeRequest) -> Result<i64> {
        match request.revision {
            revision if revision > self.current => Err(Error::FutureRevision),
            revision if revision > 0 => Ok(revision),
            _ => Ok(self.current),
        }
    }

    /// Serves a range request.
    ///
    /// # Errors
    /// [`Error::Compacted`], also when "now" was compacted meanwhile; [`Error::FutureRevision`].
    pub(crate) fn range(&self, request: &RangeRequest) -> Result<RangeResult> {
        let at = self.revision_of(request)?;
        let span = match Target::new(&request.key, &request.range_end) {
            Target::Key(key) => return self.single(at, key, request),
            Target::Span(span) => span,
        };
        let _pin =
            if self.is_safe(at) { None } else { Some(self.shared.pins.pin(at).ok_or(Error::Compacted)?) };
        let mut result = range::span(self.shared, at, span, request, self.pause)?;
        result.revision = self.current;
        Ok(result)
    }

    fn is_safe(&self, at: i64) -> bool {
        self.pinned && at == self.current
    }

    /// A range of one key. Takes no pin: it looks afterwards whether a compaction came between.
    fn single(&self, at: i64, key: &[u8], request: &RangeRequest) -> Result<RangeResult> {
        let answer = self.lookup(at, key, request);
        if !self.is_safe(at) && at < self.shared.pins.compacted() {
            return Err(Error::Compacted);
        }
        answer
    }

    fn lookup(&self, at: i64, key: &[u8], request: &RangeRequest) -> Result<RangeResult> {
        let mut result = RangeResult { revision: self.current, ..RangeResult::default() };
        let Some(place) = self.shared.index.get(key, at) else { return Ok(result) };
        result.count = 1;
        if request.count_only || !Filters::new(request).pass(&place) {
            return Ok(result);
        }
        let mut encoder = Encoder::default();
        match Shape::of(request) {
            Shape::Meta => encoder.push_meta(key.into(), &place),
            shape => read::fetch_one(&self.shared.buffer, place.revision, |record| {
                shape.push(&mut encoder, record)
            })?,
        }
        result.kvs = encoder.finish();
        Ok(result)
    }

    /// The record of `key` as this view sees it, decoded. The view's revision must not be compacted.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<KeyValue>> {
        let Some(place) = self.shared.index.get(key, self.current) else { return Ok(None) };
        let stored = self.shared.buffer.get(oxetcd_storage::Table::Key, &place.revision.to_bytes())?;
        let stored = stored.ok_or_else(|| read::missing(place.revision))?;
        record::decode(stored).map(Some)
    }
}
