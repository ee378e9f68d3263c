//! A large range in pages.
//!
//! All pages show the same revision. Between two of them nothing is held, so a slow client keeps neither
//! memory nor compaction back; if a compaction overtakes the stream, its next page is [`Error::Compacted`].
//! Who wants to exclude that keeps a [`Pin`](crate::Pin) meanwhile.
//!
//! A request may name what to sort by without naming an order, and then means ascending. Such an answer exists
//! as a whole before its first page goes out. (etcd sorts each of its chunks by itself and goes on behind the
//! key that came last, so that an answer of several chunks leaves out some keys and repeats others.)

use crate::{
    EncodedKvs, Error, Result, Store,
    encoded::Encoder,
    history::Place,
    index::{WALK_KEYS, Walk},
    range::Shape,
    read,
    span::{Span, Target},
    view::View,
};
use bytes::Bytes;
use oxetcd_api::{
    Revision,
    etcdserverpb::{RangeRequest, range_request::SortTarget},
};
use std::{collections::VecDeque, ops::ControlFlow};

/// One page.
#[derive(Clone, Debug)]
pub struct RangePage {
    /// The records.
    pub kvs: EncodedKvs,
    /// Present in the last page only.
    pub end: Option<PageEnd>,
}

/// What is said once, with the last page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// The store's revision when the stream began, for the header.
    pub revision: i64,
    /// Live keys in the range.
    pub count: i64,
    /// Whether the limit cut records off.
    pub more: bool,
}

/// A range request that is answered page by page.
pub struct RangeStream {
    store: Store,
    request: RangeRequest,
    at: i64,
    revision: i64,
    /// Records that may still be sent.
    left: usize,
    count: i64,
    done: bool,
    /// What is left of an answer that had to be sorted.
    sorted: Option<Sorted>,
}

/// An answer that exists as a whole.
struct Sorted {
    pieces: VecDeque<EncodedKvs>,
    end: PageEnd,
}

impl Store {
    /// Begins a stream. The request must be one that [`check::range_stream`](crate::check::range_stream) lets
    /// through: an order and filters are not looked at.
    ///
    /// # Errors
    /// [`Error::Compacted`] and [`Error::FutureRevision`] for a revision out of reach.
    pub fn range_stream(&self, request: RangeRequest) -> Result<RangeStream> {
        let view = View::new(&self.shared, self.revision());
        let at = view.revision_of(&request)?;
        let (revision, store) = (view.current, self.clone());
        let left = usize::try_from(request.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        Ok(RangeStream { store, request, at, revision, left, count: 0, done: false, sorted: None })
    }
}

impl RangeStream {
    /// The revision that is read: the one to pin.
    pub fn read_revision(&self) -> i64 {
        self.at
    }

    /// Whether the next page takes as long as the whole answer, for it must be sorted.
    pub fn is_to_be_sorted(&self) -> bool {
        let by_key = self.request.count_only || self.request.sort_target() == SortTarget::Key;
        !by_key && self.sorted.is_none()
    }

    /// The next page, `None` after the last. In order of keys it has up to `keys_max` records (at least one);
    /// of a sorted answer, as many as lie in one buffer.
    ///
    /// # Errors
    /// [`Error::Compacted`] when the revision was compacted meanwhile.
    pub fn next_page(&mut self, keys_max: usize) -> Result<Option<RangePage>> {
        if self.done {
            return Ok(None);
        }
        if self.is_to_be_sorted() {
            self.sorted = Some(self.sort()?);
        }
        if let Some(sorted) = &mut self.sorted {
            let kvs = sorted.pieces.pop_front().unwrap_or_default();
            self.done = sorted.pieces.is_empty();
            return Ok(Some(RangePage { kvs, end: self.done.then_some(sorted.end) }));
        }
        let store = self.store.clone();
        let _pin = store.shared.pins.pin(self.at).ok_or(Error::Compacted)?;
        let request = self.request.clone();
        let one_end;
        let span = match Target::new(&request.key, &request.range_end) {
            Target::Span(span) => span,
            Target::Key(key) => {
                one_end = [key, &[0]].concat();
                Span { start: key, end: Some(&one_end) }
            }
        };
        let wanted = if request.count_only { 0 } else { keys_max.max(1).min(self.left) };
        let (kvs, next_key) = self.fetch(span, wanted)?;
        let taken = kvs.len();
        self.left -= taken;
        self.count += taken as i64;
        let more = next_key.is_some();
        if let Some(next_key) = next_key {
            self.request.key = next_key;
        }
        self.done = request.count_only || !more || self.left == 0;
        let end = self.done.then(|| {
            let rest = Span { start: &self.request.key, end: span.end };
            self.count += if more { self.count(rest) } else { 0 };
            PageEnd { revision: self.revision, count: self.count, more: more && !request.count_only }
        });
        Ok(Some(RangePage { kvs, end }))
    }

    fn sort(&self) -> Result<Sorted> {
        let request = RangeRequest { revision: self.at, ..self.request.clone() };
        let answer = View::new(&self.store.shared, self.revision).range(&request)?;
        let end = PageEnd { revision: self.revision, count: answer.count, more: answer.more };
        Ok(Sorted { pieces: answer.kvs.into_pieces().collect(), end })
    }

    /// Up to `wanted` records from the start of `span`, and the next live key.
    fn fetch(&self, span: Span<'_>, wanted: usize) -> Result<(EncodedKvs, Option<Bytes>)> {
        let shared = &self.store.shared;
        let shape = Shape::of(&self.request);
        let mut walk = Walk::new(&shared.index, span, self.at, false);
        let (mut encoder, mut taken, mut next_key) = (Encoder::default(), 0, None);
        let mut revisions: Vec<Revision> = Vec::with_capacity(wanted.min(WALK_KEYS));
        loop {
            revisions.clear();
            let goes_on = walk.next(WALK_KEYS, |key, place: Place| {
                if taken == wanted {
                    next_key = Some(key.to_vec().into());
                    return ControlFlow::Break(());
                }
                taken += 1;
                match shape {
                    Shape::Meta => encoder.push_meta(key, &place),
                    _ => revisions.push(place.revision),
                }
                ControlFlow::Continue(())
            });
            encoder.expect(revisions.len());
            read::fetch(&shared.buffer, &revisions, &mut |_, record| shape.push(&mut encoder, record))?;
            if !goes_on || next_key.is_some() {
                return Ok((encoder.finish(), next_key));
            }
        }
    }

    fn count(&self, span: Span<'_>) -> i64 {
        Walk::new(&self.store.shared.index, span, self.at, false).count_rest()
    }
}
