//! A sink that keeps what it gets, up to a limit.

use oxetcd_v2::{Event, Sink};
use std::sync::{Arc, Mutex};

#[derive(Clone)]
pub(crate) struct Kept(Arc<Mutex<Vec<Arc<Event>>>>, usize);

impl Kept {
    pub(crate) fn new(limit: usize) -> Self {
        Kept(Arc::default(), limit)
    }

    pub(crate) fn events(&self) -> Vec<Arc<Event>> {
        self.0.lock().map(|kept| kept.clone()).unwrap_or_default()
    }

    pub(crate) fn indexes(&self) -> Vec<u64> {
        self.events().iter().map(|event| event.index()).collect()
    }
}

impl Sink for Kept {
    fn send(&self, event: Arc<Event>) -> bool {
        self.0.lock().is_ok_and(|mut kept| {
            let takes = kept.len() < self.1;
            if takes {
                kept.push(event);
            }
            takes
        })
    }
}
