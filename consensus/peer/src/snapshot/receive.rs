//! Receiving a database: into a file that gets its name when it is complete and durable.

use super::STALL;
use crate::codec::MessageDecoder;
use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use oxetcd_consensus::raftpb::{Message, MessageType};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
    time::timeout,
};

/// The message before the database carries no more than who the members are.
const MESSAGE_LIMIT_BYTES: u64 = 64 << 20;
/// Collected before it is written.
const WRITE_BYTES: usize = 1 << 20;

/// Why a snapshot was not taken.
pub(crate) enum Refusal {
    /// The request makes no sense.
    BadRequest(String),
    /// It broke off, or could not be written.
    Failed(String),
}

/// A database on disk.
pub(crate) struct Saved {
    /// Its length.
    pub(crate) bytes: u64,
    /// From its first byte to its name.
    pub(crate) took: Duration,
    /// The part of it that waited for the device.
    pub(crate) sync: Duration,
}

/// Reads the message and writes the database to where `path` says.
pub(crate) async fn receive<B>(
    body: B,
    accept: impl FnOnce(&Message) -> Result<PathBuf, Refusal>,
) -> Result<(Message, Saved), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let mut input = Input { body };
    let (message, rest) = read_message(&mut input).await?;
    if message.r#type() != MessageType::MsgSnap {
        return Err(Refusal::BadRequest("wrong raft message type".to_owned()));
    }
    let path = accept(&message)?;
    let saved = save(&mut input, rest, &path).await;
    let saved = saved.map_err(|error| Refusal::Failed(format!("failed to save KV snapshot ({error})")))?;
    Ok((message, saved))
}

struct Input<B> {
    body: B,
}

impl<B> Input<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    /// What comes next; `None` at the end.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let frame = match timeout(STALL, self.body.frame()).await {
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "the sender sends no more")),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error.to_string()));
                }
                Ok(Some(Ok(frame))) => frame,
            };
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

async fn read_message<B>(input: &mut Input<B>) -> Result<(Message, BytesMut), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let bad =
        |error: &dyn fmt::Display| Refusal::BadRequest(format!("failed to decode raft message ({error})"));
    let mut decoder = MessageDecoder::with_limit(MESSAGE_LIMIT_BYTES);
    loop {
        if let Some(message) = decoder.next_message().map_err(|error| bad(&error))? {
            return Ok((message, decoder.into_rest()));
        }
        match input.next().await.map_err(|error| bad(&error))? {
            Some(data) => decoder.extend(&data),
            None => return Err(bad(&"unexpected EOF")),
        }
    }
}

async fn save<B>(input: &mut Input<B>, rest: BytesMut, path: &Path) -> io::Result<Saved>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let begun = Instant::now();
    let directory = path.parent().unwrap_or(Path::new("."));
    let (mut file, unfinished) = create(directory).await?;
    let mut bytes = rest.len() as u64;
    let mut waiting = rest;
    loop {
        let next = input.next().await?;
        if let Some(data) = &next {
            bytes += data.len() as u64;
            waiting.extend_from_slice(data);
        }
        if waiting.len() >= WRITE_BYTES || next.is_none() {
            file.write_all(&waiting).await?;
            waiting.clear();
        }
        if next.is_none() {
            break;
        }
    }
    file.flush().await?;
    let syncing = Instant::now();
    file.sync_all().await?;
    let sync = syncing.elapsed();
    drop(file);
    unfinished.finish(path).await?;
    Ok(Saved { bytes, took: begun.elapsed(), sync })
}

/// A file that goes away unless it gets its name.
struct Unfinished {
    path: Option<PathBuf>,
}

async fn create(directory: &Path) -> io::Result<(File, Unfinished)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(directory).await?;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("tmp{}-{number}", std::process::id()));
        let mut options = File::options();
        match options.write(true).create_new(true).mode(0o600).open(&path).await {
            Ok(file) => return Ok((file, Unfinished { path: Some(path) })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

impl Unfinished {
    async fn finish(mut self, path: &Path) -> io::Result<()> {
        let Some(unfinished) = &self.path else { return Ok(()) };
        fs::rename(unfinished, path).await?;
        self.path = None;
        File::open(path.parent().unwrap_or(Path::new("."))).await?.sync_all().await
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}
