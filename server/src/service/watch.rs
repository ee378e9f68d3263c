//! The watch service: one bidirectional stream, many watchers.
//!
//! The hub does the watching; here a stream of requests becomes calls of the hub, and what the hub puts into the
//! stream's queue becomes messages. Messages leave as bytes that were encoded when the change was applied, so
//! the codec writes frames rather than protobuf structs.

use super::{
    Read,
    watch_meter::{Kind, WatchMeter},
    watch_rights::Rights,
};
use crate::status;
use futures::{Stream, future::BoxFuture};
use http::Extensions;
use oxetcd_api::etcdserverpb::{WatchRequest, watch_request::RequestUnion};
use oxetcd_watch::{Frame, Header, Hub, QueueLimit, ReplyQueue, WatchReply, progress_period};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Request, Response, Status, Streaming,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
    server::StreamingService,
};
use tonic_prost::ProstDecoder;

/// Most replies taken from the queue at once.
const TAKE: usize = 64;

/// The watch service over a member and its hub.
pub(crate) struct WatchService<M> {
    member: Arc<M>,
    hub: Arc<Hub>,
    over: CancellationToken,
}

// Not derived: a member need not be cloneable for its service to be.
impl<M> Clone for WatchService<M> {
    fn clone(&self) -> Self {
        WatchService { member: self.member.clone(), hub: self.hub.clone(), over: self.over.clone() }
    }
}

/// Reads requests, writes frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameCodec;

/// Writes the bytes of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameEncoder;

impl Encoder for FrameEncoder {
    type Item = Frame;
    type Error = Status;

    fn encode(&mut self, frame: Frame, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(frame.encoded_len());
        frame.encode(buffer);
        Ok(())
    }
}

impl Codec for FrameCodec {
    type Encode = Frame;
    type Decode = WatchRequest;
    type Encoder = FrameEncoder;
    type Decoder = ProstDecoder<WatchRequest>;

    fn encoder(&mut self) -> FrameEncoder {
        FrameEncoder
    }

    fn decoder(&mut self) -> ProstDecoder<WatchRequest> {
        ProstDecoder::new(BufferSettings::default())
    }
}

impl<M: Read> WatchService<M> {
    /// The service; its streams end when `over` is cancelled.
    pub(crate) fn new(member: Arc<M>, hub: Arc<Hub>, over: CancellationToken) -> Self {
        WatchService { member, hub, over }
    }

    /// Answers one call.
    pub(crate) async fn answer<B>(self, request: http::Request<B>) -> http::Response<tonic::body::Body>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let limit = self.member.limits().max_message_bytes();
        let mut grpc = tonic::server::Grpc::new(FrameCodec).max_decoding_message_size(limit);
        grpc.streaming(self, request).await
    }

    fn open(self, requests: Streaming<WatchRequest>, extensions: Extensions) -> Replies<M> {
        let queue = Arc::new(ReplyQueue::new(QueueLimit::default()));
        let stream = Arc::new(self.hub.open(queue.clone()));
        let rights = Arc::new(Rights::new(self.member.clone(), stream.clone()));
        let taken = Arc::new(Notify::new());
        let done = CancellationToken::new();
        let interval = Duration::from_millis(self.member.limits().watch_progress_interval_ms);
        let reader = Reader {
            member: self.member.clone(),
            extensions,
            rights: rights.clone(),
            requests,
            stream: stream.clone(),
            queue: queue.clone(),
            taken: taken.clone(),
            done: done.clone(),
            over: self.over.clone(),
            progress_period: progress_period(interval, jitter(&stream)),
        };
        tokio::spawn(reader.run());
        let header = self.member.header();
        let header = Header {
            cluster_id: header.cluster_id,
            member_id: header.member_id,
            raft_term: header.raft_term,
        };
        let limit_bytes = self.member.limits().max_message_bytes();
        Replies {
            queue,
            stream,
            rights,
            taken,
            header,
            limit_bytes,
            batch: Vec::new(),
            frames: VecDeque::new(),
            over: self.over,
            ended: false,
            meter: WatchMeter::new(self.member.metrics()),
            _done: done.drop_guard(),
        }
    }
}

/// Something between 0 and 1 that differs from stream to stream, so that not all tell their progress at once.
fn jitter<T>(stream: &Arc<T>) -> f64 {
    let address = Arc::as_ptr(stream) as usize as u64;
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64
}

impl<M: Read> StreamingService<WatchRequest> for WatchService<M> {
    type Response = Frame;
    type ResponseStream = Replies<M>;
    type Future = BoxFuture<'static, Result<Response<Replies<M>>, Status>>;

    fn call(&mut self, request: Request<Streaming<WatchRequest>>) -> Self::Future {
        let (_, extensions, requests) = request.into_parts();
        let replies = self.clone().open(requests, extensions);
        Box::pin(async move { Ok(Response::new(replies)) })
    }
}

/// The half of a stream that listens to the client.
struct Reader<M> {
    member: Arc<M>,
    /// What the caller has shown.
    extensions: Extensions,
    rights: Arc<Rights<M>>,
    requests: Streaming<WatchRequest>,
    stream: Arc<oxetcd_watch::Stream>,
    queue: Arc<ReplyQueue>,
    /// Notified when replies were taken from the queue.
    taken: Arc<Notify>,
    /// Cancelled when the other half is gone.
    done: CancellationToken,
    /// Cancelled when the member stops.
    over: CancellationToken,
    progress_period: Duration,
}

impl<M: Read> Reader<M> {
    async fn run(mut self) {
        let mut changes = self.member.logins().changes();
        let mut ticks = tokio::time::interval_at(Instant::now() + self.progress_period, self.progress_period);
        let mut asking = true;
        loop {
            // A client that does not read its answers may not ask for more of them.
            while self.queue.is_full() {
                tokio::select! {
                    () = self.taken.notified() => {}
                    () = self.done.cancelled() => return,
                    () = self.over.cancelled() => return self.queue.close(),
                }
            }
            tokio::select! {
                request = self.requests.message(), if asking => match request {
                    Ok(Some(request)) => self.take(request).await,
                    // It has nothing more to ask, and goes on listening.
                    Ok(None) => asking = false,
                    Err(status) => {
                        self.note_failure(&status);
                        return self.queue.close();
                    }
                },
                _ = ticks.tick() => self.stream.tick(),
                _ = changes.changed() => self.rights.judge(),
                () = self.done.cancelled() => return,
                () = self.over.cancelled() => return self.queue.close(),
            }
        }
    }

    /// A client that goes away is no failure.
    fn note_failure(&self, status: &Status) {
        if !status::client_left(status) {
            self.member.metrics().network.stream_failed("receive", "watch");
        }
    }

    async fn take(&mut self, request: WatchRequest) {
        match request.request_union {
            Some(RequestUnion::CreateRequest(create)) => {
                let stream = &self.stream;
                self.rights.create(&self.extensions, |may| stream.create(&create, may)).await;
            }
            Some(RequestUnion::CancelRequest(cancel)) => {
                self.rights.forget(cancel.watch_id);
                self.stream.cancel(cancel.watch_id);
            }
            Some(RequestUnion::ProgressRequest(_)) => self.stream.request_progress(),
            // A kind of request that this version does not know.
            None => {}
        }
    }
}

/// The half of a stream that answers.
pub(crate) struct Replies<M> {
    queue: Arc<ReplyQueue>,
    stream: Arc<oxetcd_watch::Stream>,
    rights: Arc<Rights<M>>,
    taken: Arc<Notify>,
    header: Header,
    limit_bytes: usize,
    batch: Vec<WatchReply>,
    frames: VecDeque<Frame>,
    /// Cancelled when the member stops: the client is then told to look for another one.
    over: CancellationToken,
    ended: bool,
    meter: WatchMeter,
    _done: DropGuard,
}

impl<M: Read> Stream for Replies<M> {
    type Item = Result<Frame, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.meter.asked();
        loop {
            if let Some(frame) = this.frames.pop_front() {
                this.meter.begin(Kind::of(&frame));
                return Poll::Ready(Some(Ok(frame)));
            }
            match this.queue.poll_take(context, TAKE, &mut this.batch) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(0) if this.over.is_cancelled() && !this.ended => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(status::stopped())));
                }
                Poll::Ready(0) => return Poll::Ready(None),
                Poll::Ready(_) => this.unpack(),
            }
        }
    }
}

impl<M: Read> Replies<M> {
    fn unpack(&mut self) {
        self.stream.drained();
        self.taken.notify_one();
        self.rights.judge();
        for reply in self.batch.drain(..) {
            if !self.rights.shows(&reply) {
                self.meter.lost(reply.event_count());
                continue;
            }
            if reply.wants_previous() {
                reply.look_up_previous(self.stream.history());
            }
            self.frames.extend(reply.into_frames(self.header, self.limit_bytes));
        }
    }
}

impl<M> Drop for Replies<M> {
    fn drop(&mut self) {
        self.queue.close();
        while self.queue.take(TAKE, &mut self.batch) > 0 {}
        let queued: usize = self.batch.iter().map(WatchReply::event_count).sum();
        self.meter.lost(queued + self.frames.iter().map(Frame::event_count).sum::<usize>());
    }
}
