//! Checking passwords, which takes a long time by design, without anybody else noticing.
//!
//! bcrypt runs on threads that may block, a few at a time: whoever waits for one waits alone. A password that was
//! found right is remembered as a digest under a key of this process, beside the hash that it fitted; so the next
//! login costs microseconds, and another password of the user makes the memory worthless.

use crate::status;
use oxetcd_auth::{PasswordError, password};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use tokio::sync::Semaphore;
use tonic::Status;

/// Users remembered.
const REMEMBERED: usize = 16 << 10;

type Mac = [u8; 32];

/// Checks and hashes passwords.
pub(crate) struct Passwords {
    cost: u32,
    key: [u8; 32],
    /// By user: the stored hash, and the digest of the password that fits it.
    right: Mutex<HashMap<String, (Vec<u8>, Mac)>>,
    /// Threads that may be busy with bcrypt at one time.
    threads: Semaphore,
}

impl Passwords {
    pub(crate) fn new(cost: u32) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get() / 2).max(1);
        let (key, right) = (rand::random(), Mutex::default());
        Passwords { cost, key, right, threads: Semaphore::new(threads) }
    }

    fn digest(&self, password: &str) -> Mac {
        let inner = Sha256::new().chain_update(self.key).chain_update(password).finalize();
        Sha256::new().chain_update(self.key).chain_update(inner).finalize().into()
    }

    /// Whether `password` is the one behind `hash`, which is stored for `user`.
    ///
    /// # Errors
    /// When the member stops.
    pub(crate) async fn check(&self, user: &str, password: &str, hash: Vec<u8>) -> Result<bool, Status> {
        let digest = self.digest(password);
        if self.right.lock().get(user).is_some_and(|(known, mac)| *known == hash && same(mac, &digest)) {
            return Ok(true);
        }
        let (given, stored) = (password.to_owned(), hash.clone());
        let right = self.slowly(move || password::matches(&given, &stored)).await?;
        if right {
            let mut remembered = self.right.lock();
            if remembered.len() >= REMEMBERED && !remembered.contains_key(user) {
                remembered.clear();
            }
            remembered.insert(user.to_owned(), (hash, digest));
        }
        Ok(right)
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// When it is too long, or the member stops.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Status> {
        let cost = self.cost;
        let hashed = self.slowly(move || password::hash(&password, cost)).await?;
        hashed.map_err(|error: PasswordError| Status::unknown(error.to_string()))
    }

    async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Status> {
        let _permit = self.threads.acquire().await.map_err(|_| status::stopped())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| status::stopped())
    }
}

/// Compares in a time that says nothing about where they differ.
fn same(a: &Mac, b: &Mac) -> bool {
    a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
