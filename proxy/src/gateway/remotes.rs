//! The members, and whose turn it is.
//!
//! Of those that can be reached, the ones of the lowest priority take turns, or are drawn by their weights when they have
//! any, as DNS SRV records (RFC 2782) want it.

use parking_lot::Mutex;
use rand::Rng;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Members of a higher one are used only when none of a lower one can be reached.
    pub priority: u16,
    /// How often it is drawn among those of its priority.
    pub weight: u16,
}

impl Remote {
    /// Reads `host:port`, or a URL with both.
    pub(crate) fn parse(endpoint: &str) -> Result<Remote, String> {
        let wrong = || format!("error parsing endpoint {endpoint:?}");
        let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
        let rest = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Remote { host: host.to_owned(), port, priority: 0, weight: 0 })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// All members.
pub(crate) struct Remotes(Mutex<State>);

struct State {
    remotes: Vec<(Remote, bool)>,
    turn: usize,
}

impl Remotes {
    pub(crate) fn new(remotes: Vec<Remote>) -> Self {
        let remotes = remotes.into_iter().map(|remote| (remote, true)).collect();
        Remotes(Mutex::new(State { remotes, turn: 0 }))
    }

    /// The member that gets the next connection; `None` when none can be reached.
    pub(crate) fn pick(&self) -> Option<Remote> {
        let mut state = self.0.lock();
        let active = || state.remotes.iter().filter(|(_, active)| *active).map(|(remote, _)| remote);
        let best = active().map(|remote| remote.priority).min()?;
        let candidates: Vec<Remote> = active().filter(|remote| remote.priority == best).cloned().collect();
        let total: u32 = candidates.iter().map(|remote| u32::from(remote.weight)).sum();
        if total > 0 {
            // Those without weight have a small chance, but one.
            let mut drawn = rand::rng().random_range(0..=total);
            let mut last = None;
            for remote in candidates {
                let weight = u32::from(remote.weight);
                last = Some(remote);
                if drawn <= weight {
                    break;
                }
                drawn -= weight;
            }
            return last;
        }
        state.turn = state.turn.wrapping_add(1);
        candidates.get(state.turn % candidates.len()).cloned()
    }

    pub(crate) fn set_active(&self, remote: &Remote, active: bool) {
        for (known, state) in &mut self.0.lock().remotes {
            if known == remote {
                *state = active;
            }
        }
    }

    pub(crate) fn inactive(&self) -> Vec<Remote> {
        let state = self.0.lock();
        state.remotes.iter().filter(|(_, active)| !active).map(|(remote, _)| remote.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn remote(host: &str, priority: u16, weight: u16) -> Remote {
        Remote { host: host.to_owned(), port: 1, priority, weight }
    }

    fn picks(remotes: &Remotes, count: usize) -> HashMap<String, usize> {
        let mut picked = HashMap::new();
        for _ in 0..count {
            *picked.entry(remotes.pick().map_or("none".to_owned(), |remote| remote.host)).or_insert(0) += 1;
        }
        picked
    }

    #[test]
    fn endpoints_are_read_in_all_forms() {
        for (text, address) in [
            ("a:1", Some("a:1")),
            ("http://a:1", Some("a:1")),
            ("https://[::1]:2/path", Some("[::1]:2")),
            ("a", None),
            ("a:x", None),
            (":1", None),
            ("", None),
        ] {
            assert_eq!(Remote::parse(text).ok().map(|remote| remote.address()).as_deref(), address, "{text}");
        }
    }

    #[test]
    fn members_without_weight_take_turns() {
        let remotes = Remotes::new(vec![remote("a", 0, 0), remote("b", 0, 0), remote("c", 1, 0)]);
        assert_eq!(picks(&remotes, 10), HashMap::from([("a".to_owned(), 5), ("b".to_owned(), 5)]));
        remotes.set_active(&remote("a", 0, 0), false);
        assert_eq!(picks(&remotes, 2), HashMap::from([("b".to_owned(), 2)]));
        remotes.set_active(&remote("b", 0, 0), false);
        assert_eq!(picks(&remotes, 2), HashMap::from([("c".to_owned(), 2)]), "a higher priority steps in");
        assert_eq!(remotes.inactive().len(), 2);
        remotes.set_active(&remote("c", 1, 0), false);
        assert_eq!(remotes.pick(), None);
        remotes.set_active(&remote("b", 0, 0), true);
        assert_eq!(picks(&remotes, 2), HashMap::from([("b".to_owned(), 2)]));
    }

    #[test]
    fn weight_counts() {
        let remotes =
            Remotes::new(vec![remote("heavy", 0, 900), remote("light", 0, 100), remote("none", 0, 0)]);
        let picked = picks(&remotes, 2000);
        assert!(picked["heavy"] > picked["light"] && picked["light"] > 0, "{picked:?}");
    }
}
