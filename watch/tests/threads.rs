//! A writer, the catch-up thread and readers that sleep until they are woken, all at once. A wake-up that gets
//! lost shows as a test that does not end, a race as an event lost or doubled.

mod common;

use common::{Store, request};
use oxetcd_watch::{CatchUp, Hub, QueueLimit, ReplyQueue, WatchReply};
use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake},
    thread::{self, Thread},
};

const WRITES: i64 = 4000;
const READERS: usize = 6;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A flag to sleep on.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.changed.wait_while(self.rung.lock().unwrap(), |rung| !*rung).unwrap();
        *rung = false;
    }
}

/// Takes replies, waiting without a timeout.
fn take(queue: &ReplyQueue, max: usize) -> Vec<WatchReply> {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut replies = Vec::new();
    while queue.poll_take(&mut context, max, &mut replies).is_pending() {
        thread::park();
    }
    replies
}

/// Watches `key` from its first revision and returns the revisions of the events that came.
fn read(hub: &Arc<Hub>, key: &str, number: usize) -> Vec<i64> {
    let queue = Arc::new(ReplyQueue::new(QueueLimit { replies: 1 + number * 3, ..QueueLimit::default() }));
    let stream = hub.open(queue.clone());
    let range = if number.is_multiple_of(2) { (key, "") } else { (key, "\0") };
    stream.create(&request(range, 2), |_| Ok(()));
    let mut revisions = Vec::new();
    let mut visits = 0;
    while revisions.last() != Some(&(WRITES + 1)) {
        for reply in take(&queue, 1 + number) {
            let events = reply.events().into_iter().flat_map(|events| events.iter());
            revisions.extend(events.map(|(event, _)| event.revision.main));
        }
        stream.drained();
        // Others come and go, now and then: each time two answers take room that events want.
        if revisions.len() / 50 > visits {
            visits += 1;
            let id = stream.create(&request(("none", ""), 1), |_| Ok(()));
            id.map(|id| stream.cancel(id));
        }
    }
    revisions
}

#[test]
fn nothing_is_lost_between_threads() {
    let store = Arc::new(Store::default());
    let bell = Arc::new(Bell::default());
    let ring = bell.clone();
    let hub = Hub::new(store.clone(), move || ring.ring());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let catch_up = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if hub.catch_up(4) == CatchUp::Idle {
                    bell.wait();
                }
            }
        });
        let readers: Vec<_> = (0..READERS)
            .map(|number| {
                scope.spawn({
                    let hub = &hub;
                    move || read(hub, "k", number)
                })
            })
            .collect();
        for _ in 0..WRITES {
            hub.publish([store.put("k", "v")]);
        }
        let expected: Vec<i64> = (2..=WRITES + 1).collect();
        for reader in readers {
            assert!(reader.join().expect("a reader") == expected);
        }
        done.store(true, Ordering::SeqCst);
        bell.ring();
        catch_up.join().expect("catching up");
    });
    assert_eq!(hub.stats().watchers, 0);
}
