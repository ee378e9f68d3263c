//! Simple tokens: random names for logins, known to every member because logins go through the log.
//!
//! A token is `<16 letters>.<index of the login's entry>`. The letters are drawn by the member that was asked, the
//! index is added where the entry is applied; so a member that has not come that far yet knows how long to wait.
//! A token lives as long as it is used: each use starts its time anew, on the member where it is used.
//!
//! Tokens that have expired are dropped in time, and there is a limit to those that have not: beyond it the ones that were not used
//! for longest go, whose users log in again. So no rate of logins fills the memory.

use parking_lot::Mutex;
use std::collections::HashMap;

struct Login {
    user: String,
    expires_ms: u64,
}

#[derive(Default)]
struct Logins {
    by_token: HashMap<String, Login>,
    /// Number of tokens at which those that have expired are looked for.
    sweep_at: usize,
}

/// Fewer tokens than this are not worth a sweep.
const SWEEP_FROM: usize = 1024;
/// Most tokens kept. Each takes about 150 bytes.
const MOST: usize = 1 << 17;

impl Logins {
    /// Drops a quarter, if there are `most` or more: those that were used least recently.
    fn shrink_below(&mut self, most: usize) {
        if self.by_token.len() < most {
            return;
        }
        let mut times: Vec<u64> = self.by_token.values().map(|login| login.expires_ms).collect();
        let (_, oldest, _) = times.select_nth_unstable(most / 4);
        let oldest = *oldest;
        // Of those that were used at that same moment, no more than has to be.
        let mut same = most / 4;
        self.by_token.retain(|_, login| {
            let goes = login.expires_ms < oldest || (login.expires_ms == oldest && same > 0);
            same -= usize::from(goes && same > 0);
            !goes
        });
    }
}

/// The tokens that are valid on one member.
pub struct SimpleTokens {
    ttl_ms: u64,
    logins: Mutex<Logins>,
}

impl SimpleTokens {
    /// None yet; each will live for `ttl_ms` after its last use.
    pub fn new(ttl_ms: u64) -> Self {
        SimpleTokens { ttl_ms, logins: Mutex::default() }
    }

    /// The token of a login, from its random letters and the index of its entry.
    pub fn token(letters: &str, index: u64) -> String {
        format!("{letters}.{index}")
    }

    /// The index that has to be applied before `token` can be known; `None` for what is no simple token.
    pub fn index_of(token: &str) -> Option<u64> {
        let (_, index) = token.split_once('.')?;
        // A sign is no digit.
        index.bytes().all(|byte| byte.is_ascii_digit()).then(|| index.parse().ok()).flatten()
    }

    /// Notes that `token` stands for `user`.
    pub fn assign(&self, token: String, user: &str, now_ms: u64) {
        let mut logins = self.logins.lock();
        if logins.by_token.len() >= logins.sweep_at.max(SWEEP_FROM) {
            logins.by_token.retain(|_, login| login.expires_ms > now_ms);
            logins.shrink_below(MOST);
            logins.sweep_at = (logins.by_token.len() * 2).min(MOST);
        }
        let login = Login { user: user.to_owned(), expires_ms: now_ms.saturating_add(self.ttl_ms) };
        logins.by_token.insert(token, login);
    }

    /// Whom `token` stands for. Its time starts anew.
    pub fn user(&self, token: &str, now_ms: u64) -> Option<String> {
        let mut logins = self.logins.lock();
        let login = logins.by_token.get_mut(token)?;
        if login.expires_ms <= now_ms {
            logins.by_token.remove(token);
            return None;
        }
        login.expires_ms = now_ms.saturating_add(self.ttl_ms);
        Some(login.user.clone())
    }

    /// Ends all tokens of a user.
    pub fn forget(&self, user: &str) {
        self.logins.lock().by_token.retain(|_, login| login.user != user);
    }

    /// Ends all tokens.
    pub fn clear(&self) {
        *self.logins.lock() = Logins::default();
    }

    /// Drops those that have expired; their members' memory is all they cost.
    pub fn sweep(&self, now_ms: u64) {
        self.logins.lock().by_token.retain(|_, login| login.expires_ms > now_ms);
    }

    /// Tokens kept, expired ones that were not swept included.
    pub fn len(&self) -> usize {
        self.logins.lock().by_token.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
