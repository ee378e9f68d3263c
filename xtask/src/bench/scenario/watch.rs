//! Fan-out: many watchers, few puts. Counted are the events that watchers receive; the time of each runs from
//! the moment at which its put was sent.

use super::{Sample, Target, data, drive::Meter, target::MAX_ANSWER_BYTES};
use crate::process;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::future::{try_join, try_join_all};
use oxetcd_api::etcdserverpb::{
    PutRequest, WatchCreateRequest, WatchRequest, WatchResponse, watch_request::RequestUnion,
};
use oxetcd_grpc::etcdserverpb::{kv_client::KvClient, watch_client::WatchClient};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

const STREAMS: usize = 10;
const WATCHERS_PER_STREAM: usize = 1_000;
const KEYS: usize = 10;
const PUTS_PER_S: f64 = 1_000.0;

/// One stream and the end that keeps it open.
struct Stream {
    _requests: mpsc::Sender<WatchRequest>,
    answers: Streaming<WatchResponse>,
}

pub(super) fn run(target: &Target, puts: usize) -> Result<Sample> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut streams = try_join_all((0..STREAMS).map(|_| open(target))).await?;
        let mut writer = KvClient::new(target.connect().await?);
        let meter = Meter::start(target);
        let base = Instant::now();
        let expected = puts * WATCHERS_PER_STREAM / KEYS;
        let receive = try_join_all(streams.iter_mut().map(|stream| receive(stream, expected, base)));
        let (_, received) = try_join(send(&mut writer, puts, base), receive).await?;
        let (wall, cpu_us) = meter.stop()?;
        let mut latencies_us: Vec<u32> = received.into_iter().flatten().collect();
        latencies_us.sort_unstable();
        let rss_kib = target.pid().map(process::peak_rss_kib).transpose()?;
        let requests = latencies_us.len();
        Ok(Sample { requests, errors: 0, first_error: None, wall, latencies_us, cpu_us, rss_kib })
    })
}

fn key(number: usize) -> Bytes {
    Bytes::from(format!("watched-{:02}", number % KEYS))
}

/// Opens a stream and all its watchers, each of one key.
async fn open(target: &Target) -> Result<Stream> {
    let mut client = WatchClient::new(target.connect().await?).max_decoding_message_size(MAX_ANSWER_BYTES);
    let (requests, waiting) = mpsc::channel(WATCHERS_PER_STREAM);
    for number in 0..WATCHERS_PER_STREAM {
        let create = WatchCreateRequest { key: key(number), ..WatchCreateRequest::default() };
        requests.send(WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }).await?;
    }
    let mut answers = client.watch(ReceiverStream::new(waiting)).await?.into_inner();
    let mut created = 0;
    while created < WATCHERS_PER_STREAM {
        let answer = answers.message().await?.context("the stream was closed")?;
        ensure!(!answer.canceled, "a watcher was refused: {}", answer.cancel_reason);
        created += usize::from(answer.created);
    }
    Ok(Stream { _requests: requests, answers })
}

/// Puts at a steady rate; each value begins with the time at which it was sent.
async fn send(writer: &mut KvClient<tonic::transport::Channel>, puts: usize, base: Instant) -> Result<()> {
    let mut beat = tokio::time::interval(Duration::from_secs_f64(1.0 / PUTS_PER_S));
    for number in 0..puts {
        beat.tick().await;
        let mut value = data::value().to_vec();
        value[..8].copy_from_slice(&(base.elapsed().as_micros() as u64).to_be_bytes());
        writer.put(PutRequest { key: key(number), value: value.into(), ..PutRequest::default() }).await?;
    }
    Ok(())
}

/// Receives `expected` events and says how old each was.
async fn receive(stream: &mut Stream, expected: usize, base: Instant) -> Result<Vec<u32>> {
    let mut ages = Vec::with_capacity(expected);
    while ages.len() < expected {
        let answer = stream.answers.message().await?.context("the stream was closed")?;
        let now_us = base.elapsed().as_micros() as u64;
        for event in &answer.events {
            let value = event.kv.as_ref().map_or(&[][..], |kv| &kv.value[..]);
            let sent_us = value.first_chunk().map_or(now_us, |bytes| u64::from_be_bytes(*bytes));
            ages.push(u32::try_from(now_us.saturating_sub(sent_us)).unwrap_or(u32::MAX));
        }
    }
    Ok(ages)
}
