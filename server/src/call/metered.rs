//! A body whose messages are counted on their way.
//!
//! gRPC puts a byte of flags and the length before every message. Frames of HTTP/2 keep no such boundaries, so
//! the meter walks from prefix to prefix across frames, without looking at what is in between.

use super::Call;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tonic::{Code, Status};

/// Bytes before each message.
const PREFIX_BYTES: usize = 5;

/// What a meter sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    /// The client's messages.
    Requests,
    /// The answers, and with them the end of the call.
    Answers,
}

/// A body with a meter.
pub(crate) struct Metered<B> {
    body: B,
    sees: Sees,
    call: Arc<Mutex<Call>>,
    messages: Messages,
}

/// Counts messages in a sequence of frames.
#[derive(Debug, Default)]
struct Messages {
    /// The prefix that has come so far.
    prefix: [u8; PREFIX_BYTES],
    prefix_bytes: usize,
    /// What is still to come of the message.
    left: usize,
}

impl Messages {
    /// Takes the next bytes. Answers with how many messages begin in them, and how many bytes of messages there
    /// are.
    fn take(&mut self, mut data: &[u8]) -> (u64, usize) {
        let (mut begun, mut bytes) = (0, 0);
        while !data.is_empty() {
            if self.left > 0 {
                let part = self.left.min(data.len());
                self.left -= part;
                bytes += part;
                data = &data[part..];
                continue;
            }
            let part = (PREFIX_BYTES - self.prefix_bytes).min(data.len());
            self.prefix[self.prefix_bytes..][..part].copy_from_slice(&data[..part]);
            self.prefix_bytes += part;
            data = &data[part..];
            if self.prefix_bytes == PREFIX_BYTES {
                let [_, length @ ..] = self.prefix;
                self.left = u32::from_be_bytes(length) as usize;
                self.prefix_bytes = 0;
                begun += 1;
            }
        }
        (begun, bytes)
    }
}

impl<B> Metered<B> {
    /// `body`, with what is seen of it counted for `call`.
    pub(crate) fn new(body: B, sees: Sees, call: Arc<Mutex<Call>>) -> Self {
        Metered { body, sees, call, messages: Messages::default() }
    }

    fn note(&mut self, data: &[u8]) {
        let (messages, bytes) = self.messages.take(data);
        let mut call = self.call.lock();
        match self.sees {
            Sees::Requests => {
                call.saw(data);
                call.received(messages, bytes);
            }
            Sees::Answers => call.sent(messages, bytes),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Metered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            if let Some(data) = frame.data_ref() {
                this.note(data);
            }
            if let (Sees::Answers, Some(trailers)) = (this.sees, frame.trailers_ref()) {
                let code = Status::from_header_map(trailers).map_or(Code::Ok, |status| status.code());
                this.call.lock().end(code);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Answers that nobody waits for any more were cancelled, unless all had gone.
impl<B> Drop for Metered<B> {
    fn drop(&mut self) {
        if self.sees == Sees::Answers {
            self.call.lock().end(Code::Cancelled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn messages_are_counted_however_they_are_cut(
            lengths in prop::collection::vec(0usize..40, 0..20),
            cuts in prop::collection::vec(1usize..30, 1..40),
        ) {
            let mut wire = Vec::new();
            for length in &lengths {
                wire.push(0);
                wire.extend((*length as u32).to_be_bytes());
                wire.resize(wire.len() + length, 7);
            }
            let mut meter = Messages::default();
            let (mut messages, mut bytes, mut rest) = (0, 0, &wire[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at((*cut).min(rest.len()));
                let (begun, more) = meter.take(piece);
                messages += begun;
                bytes += more;
                rest = behind;
            }
            prop_assert_eq!(messages, lengths.len() as u64);
            prop_assert_eq!(bytes, lengths.iter().sum::<usize>());
        }
    }
}
