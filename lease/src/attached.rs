//! Which key hangs on which lease.
//!
//! Both directions in one place, each key stored once: a slab of nodes, a hash table of node numbers that finds
//! a key, and a doubly linked list through the nodes of one lease. Attaching and detaching are O(1) however
//! many keys a lease has, and a key costs its bytes plus about 40.

use hashbrown::{DefaultHashBuilder, HashTable};
use oxetcd_api::LeaseId;
use std::hash::BuildHasher;

/// No node.
const NIL: u32 = u32::MAX;

/// The keys of one lease: the head of a list through [`Attached`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    head: u32,
    len: u32,
}

impl Default for List {
    fn default() -> Self {
        List { head: NIL, len: 0 }
    }
}

#[derive(Debug)]
struct Node {
    key: Box<[u8]>,
    lease: LeaseId,
    prev: u32,
    /// The next key of the lease; of a free node, the next free node.
    next: u32,
}

#[derive(Debug)]
pub(crate) struct Attached {
    nodes: Vec<Node>,
    /// First free node.
    free: u32,
    by_key: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Default for Attached {
    fn default() -> Self {
        Attached {
            nodes: Vec::new(),
            free: NIL,
            by_key: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl Attached {
    /// The lease that `key` hangs on.
    pub(crate) fn lease_of(&self, key: &[u8]) -> Option<LeaseId> {
        self.find(key).map(|at| self.node(at).lease)
    }

    /// Number of keys that hang on any lease.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Hangs `key`, which hangs nowhere, on `lease`.
    pub(crate) fn insert(&mut self, list: &mut List, lease: LeaseId, key: &[u8]) {
        debug_assert!(self.find(key).is_none(), "a key hangs on one lease at most");
        let node = Node { key: key.into(), lease, prev: NIL, next: list.head };
        let at = if self.free == NIL {
            self.nodes.push(node);
            u32::try_from(self.nodes.len() - 1).expect("fewer than 4 billion keys fit into memory")
        } else {
            let at = self.free;
            self.free = self.node(at).next;
            self.nodes[at as usize] = node;
            at
        };
        if list.head != NIL {
            self.nodes[list.head as usize].prev = at;
        }
        *list = List { head: at, len: list.len + 1 };
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        let hash = hasher.hash_one(key);
        self.by_key.insert_unique(hash, at, |other| hasher.hash_one(&*nodes[*other as usize].key));
    }

    /// Takes `key` off its lease, whose list this is.
    pub(crate) fn remove(&mut self, list: &mut List, key: &[u8]) {
        let Some(at) = self.unhash(key) else { return };
        let (prev, next) = (self.node(at).prev, self.node(at).next);
        match prev {
            NIL => list.head = next,
            prev => self.nodes[prev as usize].next = next,
        }
        if next != NIL {
            self.nodes[next as usize].prev = prev;
        }
        list.len -= 1;
        self.release(at);
    }

    /// Takes all keys off a lease and returns them in no order.
    pub(crate) fn take(&mut self, list: List) -> Vec<Box<[u8]>> {
        let mut keys = Vec::with_capacity(list.len as usize);
        let mut at = list.head;
        while at != NIL {
            let next = self.node(at).next;
            let hash = self.hasher.hash_one(&*self.node(at).key);
            if let Ok(entry) = self.by_key.find_entry(hash, |other| *other == at) {
                entry.remove();
            }
            keys.push(self.release(at));
            at = next;
        }
        if self.by_key.is_empty() {
            // Room for a million keys is not kept for a lease that is gone.
            *self = Attached::default();
        }
        keys
    }

    /// The keys of a lease, in no order.
    pub(crate) fn keys(&self, list: List) -> impl Iterator<Item = &[u8]> {
        let node = |at: u32| self.nodes.get(at as usize);
        std::iter::successors(node(list.head), move |last| node(last.next)).map(|node| &*node.key)
    }

    fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    fn find(&self, key: &[u8]) -> Option<u32> {
        self.by_key.find(self.hasher.hash_one(key), |at| *self.node(*at).key == *key).copied()
    }

    fn unhash(&mut self, key: &[u8]) -> Option<u32> {
        let (nodes, hash) = (&self.nodes, self.hasher.hash_one(key));
        let entry = self.by_key.find_entry(hash, |at| *nodes[*at as usize].key == *key).ok()?;
        Some(entry.remove().0)
    }

    /// Puts a node on the free list and returns its key.
    fn release(&mut self, at: u32) -> Box<[u8]> {
        let node = &mut self.nodes[at as usize];
        node.next = self.free;
        self.free = at;
        std::mem::take(&mut node.key)
    }
}
