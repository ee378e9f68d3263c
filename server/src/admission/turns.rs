//! Turns: a few places, shared fairly.
//!
//! Whoever finds no place waits. Clients that wait are served in a circle, one turn each, whatever the number of
//! requests that each of them has waiting; and a client has no more than its share of the places even if nobody waits,
//! because the next one may come in a moment, and a turn can take a second.

use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::Arc,
};
use tokio::sync::oneshot;

/// Places and those who wait for one.
pub(crate) struct Turns<C: Copy + Eq + Hash> {
    per_client: usize,
    state: Mutex<State<C>>,
}

struct State<C: Copy + Eq + Hash> {
    free: usize,
    /// Places that a client has; none of them 0.
    held: HashMap<C, usize>,
    /// Requests that wait, by client; none of them empty.
    waiting: HashMap<C, VecDeque<oneshot::Sender<Turn<C>>>>,
    /// The clients in `waiting`, in the order in which they are served.
    circle: VecDeque<C>,
}

/// A place, until it is dropped.
pub(crate) struct Turn<C: Copy + Eq + Hash> {
    client: C,
    /// Taken when the place was given back already.
    turns: Option<Arc<Turns<C>>>,
}

impl<C: Copy + Eq + Hash> Turns<C> {
    /// So many places, of which a client has no more than `per_client` at a time.
    pub(crate) fn new(places: usize, per_client: usize) -> Self {
        let state =
            State { free: places, held: HashMap::new(), waiting: HashMap::new(), circle: VecDeque::new() };
        Turns { per_client, state: Mutex::new(state) }
    }

    /// Waits for a place. Cancel-safe: whoever goes away is passed over.
    pub(crate) async fn take(self: &Arc<Self>, client: C) -> Turn<C> {
        let mut waiting = self.ask(client);
        loop {
            if let Ok(turn) = waiting.await {
                return turn;
            }
            // It is sent to whoever waits, and to nobody else; but if it were not, asking again does no harm.
            waiting = self.ask(client);
        }
    }

    fn ask(self: &Arc<Self>, client: C) -> oneshot::Receiver<Turn<C>> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.state.lock();
            let queue = state.waiting.entry(client).or_default();
            queue.push_back(sender);
            if queue.len() == 1 {
                state.circle.push_back(client);
            }
        }
        self.serve();
        receiver
    }

    /// Gives free places to those who wait.
    fn serve(self: &Arc<Self>) {
        loop {
            let next = self.state.lock().next(self.per_client);
            let Some((client, sender)) = next else { return };
            let turn = Turn { client, turns: Some(self.clone()) };
            if let Err(mut turn) = sender.send(turn) {
                // Gone away. Not left to the turn's end, which would call this again, and so on.
                turn.turns = None;
                self.state.lock().give_back(client);
            }
        }
    }
}

impl<C: Copy + Eq + Hash> State<C> {
    /// Takes a place for the next client who may have one.
    fn next(&mut self, per_client: usize) -> Option<(C, oneshot::Sender<Turn<C>>)> {
        if self.free == 0 {
            return None;
        }
        let may = |client: &C| self.held.get(client).is_none_or(|held| *held < per_client);
        let at = self.circle.iter().position(may)?;
        let client = self.circle.remove(at)?;
        let queue = self.waiting.get_mut(&client)?;
        let sender = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&client);
        } else {
            self.circle.push_back(client);
        }
        self.free -= 1;
        *self.held.entry(client).or_default() += 1;
        Some((client, sender))
    }

    fn give_back(&mut self, client: C) {
        self.free += 1;
        if let Some(held) = self.held.get_mut(&client) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&client);
            }
        }
    }
}

impl<C: Copy + Eq + Hash> Drop for Turn<C> {
    fn drop(&mut self) {
        let Some(turns) = self.turns.take() else { return };
        turns.state.lock().give_back(self.client);
        turns.serve();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, future::BoxFuture};
    use proptest::prelude::*;

    type Asked = BoxFuture<'static, Turn<u8>>;

    fn ask(turns: &Arc<Turns<u8>>, client: u8) -> Asked {
        let turns = turns.clone();
        async move { turns.take(client).await }.boxed()
    }

    /// The turn, if it was given by now.
    fn now(asked: &mut Asked) -> Option<Turn<u8>> {
        asked.now_or_never()
    }

    #[test]
    fn whoever_asks_once_waits_for_nobody_who_asks_all_the_time() {
        let turns = Arc::new(Turns::new(2, 1));
        let mut greedy: Vec<Asked> = (0..100).map(|_| ask(&turns, 1)).collect();
        let first: Vec<_> = greedy.iter_mut().filter_map(now).collect();
        assert_eq!(first.len(), 1, "one place is all that a client gets");
        let modest = now(&mut ask(&turns, 2));
        assert!(modest.is_some(), "the other place is free");
        // With both taken, the next to come is served before the ninety-nine.
        let mut third = ask(&turns, 3);
        assert!(now(&mut third).is_none());
        drop(modest);
        assert!(now(&mut third).is_some());
    }

    #[test]
    fn those_who_go_away_are_passed_over() {
        let turns = Arc::new(Turns::new(1, 1));
        let held = now(&mut ask(&turns, 1));
        let mut gone: Vec<Asked> = (0..1000).map(|_| ask(&turns, 2)).collect();
        assert!(gone.iter_mut().all(|asked| now(asked).is_none()));
        let mut patient = ask(&turns, 3);
        assert!(now(&mut patient).is_none());
        drop(gone);
        drop(held);
        assert!(now(&mut patient).is_some());
        assert!(now(&mut ask(&turns, 4)).is_some(), "nothing is left behind");
    }

    proptest! {
        /// Clients come and go at random: no place is lost, nobody has more than allowed, and nobody waits while there
        /// is a place that he may have.
        #[test]
        fn places_are_neither_lost_nor_hoarded(steps in prop::collection::vec((0u8..4, 0u8..5), 1..200)) {
            let (places, per_client) = (3, 2);
            let turns = Arc::new(Turns::new(places, per_client));
            let mut waiting: Vec<(u8, Asked)> = Vec::new();
            let mut held: Vec<(u8, Turn<u8>)> = Vec::new();
            for (what, client) in steps {
                match what {
                    0 | 1 => waiting.push((client, ask(&turns, client))),
                    2 => held.truncate(held.len().saturating_sub(1)),
                    _ => drop((!waiting.is_empty()).then(|| waiting.remove(0))),
                }
                let mut still = Vec::new();
                for (client, mut asked) in waiting {
                    match now(&mut asked) {
                        Some(turn) => held.push((client, turn)),
                        None => still.push((client, asked)),
                    }
                }
                waiting = still;
                let of = |client: u8| held.iter().filter(|(holder, _)| *holder == client).count();
                prop_assert!(held.len() <= places);
                for client in 0..5 {
                    prop_assert!(of(client) <= per_client);
                    let waits = waiting.iter().any(|(waiter, _)| *waiter == client);
                    prop_assert!(!waits || held.len() == places || of(client) == per_client);
                }
            }
            drop((held, waiting));
            let mut all: Vec<_> = (0..places as u8).map(|client| ask(&turns, client)).collect();
            let turns: Vec<_> = all.iter_mut().filter_map(now).collect();
            prop_assert_eq!(turns.len(), places);
        }
    }
}
