//! Ranges: which records, in which order, how many.
//!
//! The index alone decides almost everything: filters, limits, counts and all orders but the one by value. So
//! only records that go into the answer are fetched, a handful at a time, each copied once into the answer.

use crate::{
    EncodedKvs, Result,
    encoded::Encoder,
    history::Place,
    index::{WALK_KEYS, Walk},
    leaf::KeyRef,
    read, record,
    span::Span,
    store::Shared,
};
use bytes::Bytes;
use oxetcd_api::{
    Revision,
    etcdserverpb::{
        RangeRequest, RangeResponse, ResponseHeader,
        range_request::{SortOrder, SortTarget},
    },
};
use std::{cmp::Ordering, ops::ControlFlow};

/// Answer of a range request.
#[derive(Clone, Debug, Default)]
pub struct RangeResult {
    /// The store's revision when it was served, for the header; not the one that was read at.
    pub revision: i64,
    /// Live keys in the range, whatever limit and filters leave of them.
    pub count: i64,
    /// Whether the limit cut records off.
    pub more: bool,
    /// The records.
    pub kvs: EncodedKvs,
}

impl RangeResult {
    /// The answer as a message, for transactions and tests.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) when the engine held what is no record.
    pub fn to_message(&self) -> Result<RangeResponse> {
        Ok(RangeResponse {
            header: Some(ResponseHeader { revision: self.revision, ..ResponseHeader::default() }),
            kvs: self.kvs.decode()?,
            more: self.more,
            count: self.count,
        })
    }
}

/// Bounds on revisions; 0 is no bound.
#[derive(Clone, Copy)]
pub(crate) struct Filters {
    modified: (i64, i64),
    created: (i64, i64),
}

impl Filters {
    pub(crate) fn new(request: &RangeRequest) -> Self {
        Filters {
            modified: (request.min_mod_revision, request.max_mod_revision),
            created: (request.min_create_revision, request.max_create_revision),
        }
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        self.modified != (0, 0) || self.created != (0, 0)
    }

    pub(crate) fn pass(&self, place: &Place) -> bool {
        let inside = |value, (min, max)| (min == 0 || value >= min) && (max == 0 || value <= max);
        inside(place.revision.main, self.modified) && inside(place.created, self.created)
    }
}

/// How much of each record is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Whole,
    /// All but the value: keys only, in order of values.
    WithoutValue,
    /// What the index knows: keys only otherwise. There is no lease in it.
    Meta,
}

impl Shape {
    pub(crate) fn of(request: &RangeRequest) -> Self {
        match (request.keys_only, request.sort_target()) {
            (false, _) => Shape::Whole,
            (true, SortTarget::Value) => Shape::WithoutValue,
            (true, _) => Shape::Meta,
        }
    }

    /// Appends a fetched record.
    pub(crate) fn push(self, encoder: &mut Encoder, record: &[u8]) -> Result<()> {
        match self {
            Shape::WithoutValue => encoder.push_without_value(record),
            Shape::Whole | Shape::Meta => {
                encoder.push(record);
                Ok(())
            }
        }
    }
}

/// Whether the request asks for no order but the tree's.
pub(crate) fn is_default_order(request: &RangeRequest) -> bool {
    match request.sort_order() {
        SortOrder::None => true,
        SortOrder::Ascend => request.sort_target() == SortTarget::Key,
        SortOrder::Descend => false,
    }
}

/// Serves a range of several keys at `at`, which the caller has pinned. The result's revision is left 0. `pause` is
/// called between pieces of some dozens of keys, while nothing is locked.
pub(crate) fn span(
    shared: &Shared,
    at: i64,
    span: Span<'_>,
    request: &RangeRequest,
    pause: &dyn Fn(),
) -> Result<RangeResult> {
    let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let (filters, shape) = (Filters::new(request), Shape::of(request));
    let job = Job { shared, at, span, filters, shape, limit, pause };
    if request.count_only {
        return Ok(RangeResult { count: job.walk(false).count_rest(), ..RangeResult::default() });
    }
    match (request.sort_target(), request.sort_order()) {
        (SortTarget::Key, order) => job.in_key_order(order == SortOrder::Descend),
        (target, order) => {
            // Without an order, the limit (and one more, to know of more) cuts before sorting, as in etcd.
            let cut_first = is_default_order(request) && !job.filters.any();
            let first = if cut_first { limit.saturating_add(1) } else { usize::MAX };
            job.sorted(target, order == SortOrder::Descend, first)
        }
    }
}

/// Records fetched between two pauses.
const FETCH_KEYS: usize = 32;

/// A record to sort.
struct Item {
    metric: i64,
    /// Its number in key order; equal metrics keep it.
    number: usize,
    revision: Revision,
}

struct Job<'a> {
    shared: &'a Shared,
    at: i64,
    span: Span<'a>,
    filters: Filters,
    shape: Shape,
    limit: usize,
    pause: &'a dyn Fn(),
}

impl Job<'_> {
    fn walk(&self, descending: bool) -> Walk<'_> {
        Walk::new(&self.shared.index, self.span, self.at, descending)
    }

    fn fetch(&self, revisions: &[Revision], encoder: &mut Encoder) -> Result<()> {
        encoder.expect(revisions.len());
        for some in revisions.chunks(FETCH_KEYS) {
            read::fetch(&self.shared.buffer, some, &mut |_, record| self.shape.push(encoder, record))?;
            if some.len() == FETCH_KEYS {
                (self.pause)();
            }
        }
        Ok(())
    }

    fn in_key_order(&self, descending: bool) -> Result<RangeResult> {
        let mut walk = self.walk(descending);
        let (mut taken, mut more) = (0, false);
        let mut encoder = Encoder::default();
        let mut revisions = Vec::with_capacity(WALK_KEYS.min(self.limit));
        loop {
            revisions.clear();
            let goes_on = walk.next(WALK_KEYS, |key, place| {
                if !self.filters.pass(&place) {
                    return ControlFlow::Continue(());
                }
                if taken == self.limit {
                    more = true;
                    return ControlFlow::Break(());
                }
                taken += 1;
                match self.shape {
                    Shape::Meta => encoder.push_meta(key, &place),
                    Shape::Whole | Shape::WithoutValue => revisions.push(place.revision),
                }
                ControlFlow::Continue(())
            });
            self.fetch(&revisions, &mut encoder)?;
            if !goes_on {
                let everything = !more && !self.filters.any();
                let count = if everything { taken as i64 } else { self.walk(false).count_rest() };
                return Ok(RangeResult { revision: 0, count, more, kvs: encoder.finish() });
            }
            (self.pause)();
        }
    }

    /// Sorts by `target`; considers no more than the `first` records in key order.
    fn sorted(&self, target: SortTarget, descending: bool, first: usize) -> Result<RangeResult> {
        let mut walk = self.walk(false);
        let (mut count, mut items, mut metas) = (0, Vec::new(), Encoder::default());
        let mut collect = |key: KeyRef<'_>, place: Place| {
            count += 1;
            if items.len() < first && self.filters.pass(&place) {
                let metric = match target {
                    SortTarget::Version => place.version,
                    SortTarget::Create => place.created,
                    SortTarget::Mod => place.revision.main,
                    SortTarget::Key | SortTarget::Value => 0,
                };
                items.push(Item { metric, number: items.len(), revision: place.revision });
                if self.shape == Shape::Meta {
                    metas.push_meta(key, &place);
                }
            }
            ControlFlow::Continue(())
        };
        while walk.next(WALK_KEYS, &mut collect) {
            (self.pause)();
        }
        let more = items.len() > self.limit;
        let kvs = if target == SortTarget::Value {
            self.by_value(&items, descending)?
        } else {
            self.by_metric(items, descending, metas)?
        };
        Ok(RangeResult { revision: 0, count, more, kvs })
    }

    fn by_metric(&self, mut items: Vec<Item>, descending: bool, metas: Encoder) -> Result<EncodedKvs> {
        let order =
            |a: &Item, b: &Item| directed(a.metric.cmp(&b.metric), descending).then(a.number.cmp(&b.number));
        if self.limit < items.len() {
            items.select_nth_unstable_by(self.limit, order);
            items.truncate(self.limit);
        }
        items.sort_unstable_by(order);
        let mut encoder = Encoder::default();
        if self.shape == Shape::Meta {
            let metas: Vec<Bytes> = metas.finish().records().collect();
            encoder.expect(items.len());
            items.iter().for_each(|item| encoder.push(&metas[item.number]));
        } else {
            let revisions: Vec<Revision> = items.iter().map(|item| item.revision).collect();
            self.fetch(&revisions, &mut encoder)?;
        }
        Ok(encoder.finish())
    }

    /// The one order for which all records must be read.
    fn by_value(&self, items: &[Item], descending: bool) -> Result<EncodedKvs> {
        let revisions: Vec<Revision> = items.iter().map(|item| item.revision).collect();
        let mut all = Encoder::default();
        all.expect(items.len());
        for some in revisions.chunks(FETCH_KEYS) {
            read::fetch(&self.shared.buffer, some, &mut |_, record| {
                all.push(record);
                Ok(())
            })?;
            (self.pause)();
        }
        let value_of = |bytes: Bytes| -> Result<(Bytes, Bytes)> {
            Ok((bytes.slice_ref(record::fields(&bytes)?.value), bytes))
        };
        let mut records = all.finish().records().map(value_of).collect::<Result<Vec<_>>>()?;
        records.sort_by(|(a, _), (b, _)| directed(a.cmp(b), descending));
        let mut encoder = Encoder::default();
        encoder.expect(records.len().min(self.limit));
        for (_, record) in records.iter().take(self.limit) {
            self.shape.push(&mut encoder, record)?;
        }
        Ok(encoder.finish())
    }
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}
