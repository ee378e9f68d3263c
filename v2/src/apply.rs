//! Requests of the log.

use crate::{Condition, Event, Expiry, Tree, V2Error};
use oxetcd_api::etcdserverpb::Request;
use std::sync::Arc;

impl Tree {
    /// Does what a request of the log asks for. The request's own time counts as now; one that has none (etcd's
    /// servers do not say) is as old as the last that had. `None` for requests that have no answer.
    ///
    /// # Errors
    /// When the tree refuses it.
    pub fn apply(&mut self, request: &Request) -> Result<Option<Arc<Event>>, V2Error> {
        if request.time() != 0 {
            self.last_time = self.last_time.max(request.time());
        }
        let (now, path) = (self.last_time, request.path());
        let condition = Condition { prev_value: request.prev_value(), prev_index: request.prev_index() };
        let conditional = condition != Condition::default();
        let at = Some(request.expiration()).filter(|at| *at != 0);
        let expiry = Expiry { at, refresh: request.refresh() };
        let content = (!request.dir()).then(|| request.val());
        match request.method() {
            "POST" => self.create(path, content, true, expiry, now).map(Some),
            "PUT" => match request.prev_exist {
                Some(false) => self.create(path, content, false, expiry, now).map(Some),
                Some(true) if !conditional => self.update(path, request.val(), expiry, now).map(Some),
                None if !conditional => self.set(path, content, expiry, now).map(Some),
                _ => self.compare_and_swap(path, condition, request.val(), expiry, now).map(Some),
            },
            "DELETE" if conditional => self.compare_and_delete(path, condition, now).map(Some),
            "DELETE" => self.delete(path, request.dir(), request.recursive(), now).map(Some),
            "QGET" => self.get(path, request.recursive(), now).map(|event| Some(Arc::new(event))),
            "SYNC" => {
                self.expire(request.time());
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}
