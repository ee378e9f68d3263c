//! A key range borrowed from a request.

/// Keys from `start` on, up to `end` (excluded) if there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    pub(crate) start: &'a [u8],
    pub(crate) end: Option<&'a [u8]>,
}

impl Span<'_> {
    /// Whether no key can be inside.
    pub(crate) fn is_empty(&self) -> bool {
        self.end.is_some_and(|end| end <= self.start)
    }
}

/// What a request's `key` and `range_end` ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// One key.
    Key(&'a [u8]),
    /// All keys of an interval.
    Span(Span<'a>),
}

impl<'a> Target<'a> {
    /// Reads the pair of the wire: see [`oxetcd_api::KeyRange`].
    pub(crate) fn new(key: &'a [u8], range_end: &'a [u8]) -> Self {
        match range_end {
            [] => Target::Key(key),
            [0] => Target::Span(Span { start: key, end: None }),
            end => Target::Span(Span { start: key, end: Some(end) }),
        }
    }
}
