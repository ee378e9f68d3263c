//! The frames of the streams: what is written is read again, whatever the pieces in which it comes; and what
//! nobody wrote is an error, never worse.

use crate::support::{append, message};
use bytes::{Bytes, BytesMut};
use oxetcd_consensus::raftpb::{Entry, Message, MessageType};
use oxetcd_peer::{CodecError, MessageDecoder, MsgAppDecoder, MsgAppEncoder, encode_message};
use proptest::prelude::*;

const LOCAL: u64 = 0xb;
const REMOTE: u64 = 0xa;

/// Appends of a leader: most follow the one before, as a real one's do; some begin elsewhere.
fn appends() -> impl Strategy<Value = Vec<Message>> {
    let entry = (prop::collection::vec(any::<u8>(), 0..40), any::<bool>());
    let step = (prop::collection::vec(entry, 0..4), 0_u8..6, 0_u64..5, any::<u32>());
    prop::collection::vec(step, 0..12).prop_map(|steps| {
        let (mut term, mut index) = (1, 0);
        let mut appends = Vec::new();
        for (payloads, turn, jump, commit) in steps {
            let mut log_term = term;
            match turn {
                0 => index = jump,
                1 => term += 1,
                2 => log_term = 1,
                _ => {}
            }
            let mut append = append(REMOTE, LOCAL, index, &[]);
            (append.term, append.log_term, append.commit) = (Some(term), Some(log_term), Some(commit.into()));
            for (payload, sized) in payloads {
                index += 1;
                let data = sized.then(|| Bytes::from(payload));
                append.entries.push(Entry {
                    term: Some(term),
                    index: Some(index),
                    data,
                    ..Default::default()
                });
            }
            appends.push(append);
        }
        appends
    })
}

/// Cuts bytes at some places.
fn pieces(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn appends_are_read_as_written(appends in appends(), cuts in prop::collection::vec(any::<usize>(), 0..9)) {
        let (mut encoder, mut bytes) = (MsgAppEncoder::default(), BytesMut::new());
        for append in &appends {
            encoder.encode(append, &mut bytes);
        }
        let (mut decoder, mut read) = (MsgAppDecoder::new(LOCAL, REMOTE), Vec::new());
        for piece in pieces(&bytes, &cuts) {
            decoder.extend(&piece);
            while let Some(message) = decoder.next_message().unwrap() {
                read.push(message);
            }
        }
        prop_assert_eq!(read, appends);
    }

    #[test]
    fn messages_are_read_as_written(
        terms in prop::collection::vec(any::<u64>(), 0..9),
        cuts in prop::collection::vec(any::<usize>(), 0..9),
    ) {
        let messages: Vec<_> =
            terms.into_iter().map(|term| message(MessageType::MsgHeartbeat, REMOTE, LOCAL, term)).collect();
        let mut bytes = BytesMut::new();
        messages.iter().for_each(|message| encode_message(message, &mut bytes));
        let (mut decoder, mut read) = (MessageDecoder::default(), Vec::new());
        for piece in pieces(&bytes, &cuts) {
            decoder.extend(&piece);
            while let Some(message) = decoder.next_message().unwrap() {
                read.push(message);
            }
        }
        prop_assert_eq!(read, messages);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..4) {
        let mut appends = MsgAppDecoder::new(LOCAL, REMOTE);
        // Short counts and lengths, so that some of it is taken for frames.
        let mut likely = vec![kind, 0, 0, 0, 0, 0, 0, 0];
        likely.extend(&bytes);
        appends.extend(&likely);
        while let Ok(Some(_)) = appends.next_message() {}
        let mut messages = MessageDecoder::default();
        messages.extend(&likely[1..]);
        while let Ok(Some(_)) = messages.next_message() {}
    }
}

/// What the reference's encoder writes, byte by byte as its frames are described.
#[test]
fn a_following_append_needs_no_envelope() {
    let (mut encoder, mut bytes) = (MsgAppEncoder::default(), BytesMut::new());
    encoder.encode(&append(REMOTE, LOCAL, 4, &["x"]), &mut bytes);
    assert_eq!(bytes[0], 2);
    bytes.clear();
    encoder.encode(&append(REMOTE, LOCAL, 5, &["y"]), &mut bytes);
    let entry = [0x10, 1, 0x18, 6, 0x22, 1, b'y'];
    let mut expected = vec![1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, entry.len() as u8];
    expected.extend(entry);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!(&bytes[..], expected);
}

/// Members up to 3.6 write every field, also the zeros, and an empty snapshot.
#[test]
fn fields_written_as_zero_read_as_absent_ones() {
    let beat = [0x08, 8, 0x10, 0, 0x18, 0, 0x20, 0, 0x28, 0, 0x30, 0, 0x40, 0, 0x4a, 2, 0x12, 0, 0x50, 0];
    let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, beat.len() as u8];
    bytes.extend(beat);
    let mut decoder = MessageDecoder::default();
    decoder.extend(&bytes);
    let message = decoder.next_message().unwrap().unwrap();
    assert_eq!(message.r#type(), MessageType::MsgHeartbeat);
    assert_eq!((message.from(), message.to(), message.term(), message.reject()), (0, 0, 0, false));
}

#[test]
fn claims_beyond_the_limits_are_refused_at_once() {
    let too_long = |bytes: &[u8]| {
        let mut decoder = MsgAppDecoder::new(LOCAL, REMOTE);
        let mut begun = BytesMut::new();
        MsgAppEncoder::default().encode(&append(REMOTE, LOCAL, 4, &["x"]), &mut begun);
        decoder.extend(&begun);
        assert!(decoder.next_message().unwrap().is_some());
        decoder.extend(bytes);
        matches!(decoder.next_message(), Err(CodecError::TooLong(_)))
    };
    assert!(too_long(&[2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "a message");
    assert!(too_long(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "a count");
    let entry = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0];
    assert!(too_long(&entry), "an entry");
    let mut messages = MessageDecoder::with_limit(10);
    messages.extend(&[0, 0, 0, 0, 0, 0, 0, 11]);
    assert!(matches!(messages.next_message(), Err(CodecError::TooLong(11))));
}

#[test]
fn entries_before_any_message_and_unknown_frames_are_errors() {
    let error = |bytes: &[u8]| {
        let mut decoder = MsgAppDecoder::new(LOCAL, REMOTE);
        decoder.extend(bytes);
        decoder.next_message().unwrap_err()
    };
    assert!(matches!(error(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), CodecError::OutOfPlace));
    assert!(matches!(error(&[3]), CodecError::UnknownType(3)));
    assert!(matches!(error(&[2, 0, 0, 0, 0, 0, 0, 0, 1, 0xff]), CodecError::Malformed(_)));
}
