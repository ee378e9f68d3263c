//! Checking passwords, which takes a long time by design, without anybody else noticing.
//!
//! bcrypt runs on threads of its own and of low priority, a few at a time: whoever waits for one waits alone, and when too
//! many do, the next is turned away. A password that was found right is remembered as a digest under a key of this process,
//! beside the hash that it fitted; so the next login costs microseconds, and another password of the user makes the memory
//! worthless. Those who come with the same password while it is being looked at find the answer when it is their turn.

use crate::{background::with_low_priority, status};
use oxetcd_auth::{PasswordError, password};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tonic::Status;

/// Users remembered.
const REMEMBERED: usize = 16 << 10;
/// Most who wait for a thread at one time. A hash takes 50 ms and more, so the last of them waits long as it is.
const WAITING: usize = 1024;

type Mac = [u8; 32];

/// Checks and hashes passwords.
pub(crate) struct Passwords {
    cost: u32,
    key: [u8; 32],
    /// By user: the stored hash, and the digest of the password that fits it.
    right: Mutex<HashMap<String, (Vec<u8>, Mac)>>,
    /// Threads that may be busy with bcrypt at one time.
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// One of those who wait; counted until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Passwords {
    pub(crate) fn new(cost: u32) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get() / 2).max(1);
        let (key, right, waiting) = (rand::random(), Mutex::default(), AtomicUsize::new(0));
        Passwords { cost, key, right, threads: Arc::new(Semaphore::new(threads)), waiting }
    }

    fn digest(&self, password: &str) -> Mac {
        let inner = Sha256::new().chain_update(self.key).chain_update(password).finalize();
        Sha256::new().chain_update(self.key).chain_update(inner).finalize().into()
    }

    /// Whether `password` is the one behind `hash`, which is stored for `user`.
    ///
    /// # Errors
    /// When the member stops, or too many wait.
    pub(crate) async fn check(&self, user: &str, password: &str, hash: Vec<u8>) -> Result<bool, Status> {
        let digest = self.digest(password);
        if self.is_known(user, &hash, &digest) {
            return Ok(true);
        }
        let turn = self.turn().await?;
        if self.is_known(user, &hash, &digest) {
            return Ok(true);
        }
        let (given, stored) = (password.to_owned(), hash.clone());
        let right = slowly(turn, move || password::matches(&given, &stored)).await?;
        if right {
            let mut remembered = self.right.lock();
            if remembered.len() >= REMEMBERED && !remembered.contains_key(user) {
                remembered.clear();
            }
            remembered.insert(user.to_owned(), (hash, digest));
        }
        Ok(right)
    }

    fn is_known(&self, user: &str, hash: &[u8], digest: &Mac) -> bool {
        self.right.lock().get(user).is_some_and(|(known, mac)| *known == hash && same(mac, digest))
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// When it is too long, the member stops, or too many wait.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Status> {
        let (cost, turn) = (self.cost, self.turn().await?);
        let hashed = slowly(turn, move || password::hash(&password, cost)).await?;
        hashed.map_err(|error: PasswordError| Status::unknown(error.to_string()))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Status> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(status::too_many_requests());
        }
        let _waiting = Waiting(&self.waiting);
        self.threads.clone().acquire_owned().await.map_err(|_| status::stopped())
    }
}

/// Runs `work` on a thread of its own. The turn ends with it, also when nobody waits for it any more.
async fn slowly<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    let (sender, done) = oneshot::channel();
    let spawned = with_low_priority("password", move || {
        // Whoever asked may have gone.
        let _ = sender.send(work());
        drop(turn);
    });
    spawned.map_err(|error| Status::unavailable(format!("etcdserver: {error}")))?;
    done.await.map_err(|_| status::stopped())
}

/// Compares in a time that says nothing about where they differ.
fn same(a: &Mac, b: &Mac) -> bool {
    a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
