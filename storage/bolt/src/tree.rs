//! Layout of a file made from sorted records: which of them share a page, and which pages share a branch.
//!
//! The layout depends on nothing but the order of buckets, their keys and the lengths of values. It runs twice
//! over the same records, with different [`Pages`] below it: one counts the pages, the other writes them. Pages
//! get their ids in the order in which they are finished, leaves first, every branch right after the last of its
//! children, the tree of buckets at the end: so the file can be written front to back.
//!
//! Only what is open is held: one leaf, and two branches a level. A full branch waits for the next one to fill
//! up, so that the last two can share their children evenly. bbolt relies on that: deleting from a branch's
//! only child makes it panic.

use crate::{
    Error, Result,
    format::{
        BUCKET_BYTES, BUCKET_FLAG, ELEMENT_BYTES, HEADER_BYTES, MAX_INLINE_BYTES, MAX_KEY_BYTES,
        MAX_VALUE_BYTES, PAGE_BYTES,
    },
};
use std::collections::BTreeMap;

/// A page that is this full is closed when the next element needs a further page ...
const FULL: (usize, usize) = (7, 8);
/// ... and one that is less full takes it, unless the run became longer than this. Records of half a page would
/// else leave much of every page empty.
const MAX_RUN_PAGES: usize = 8;
/// bbolt keeps no fewer children in a branch.
const MIN_CHILDREN: usize = 2;

/// What happens to pages once their content is settled.
pub(crate) trait Pages {
    /// An element joins the open leaf.
    fn element(&mut self, flags: u32, key: &[u8], value: &[u8]);

    /// The open leaf is complete: `used_bytes` of a run that begins at page `id`.
    fn leaf(&mut self, id: u64, used_bytes: usize) -> Result<()>;

    /// The open leaf is complete, and goes into its bucket's entry instead of a page.
    fn inline_leaf(&mut self, used_bytes: usize) -> Vec<u8>;

    /// A branch is complete.
    fn branch(&mut self, id: u64, node: &Node) -> Result<()>;
}

/// Number of pages that `used_bytes` take.
pub(crate) fn run_pages(used_bytes: usize) -> usize {
    used_bytes.div_ceil(PAGE_BYTES)
}

/// Whether an element of `more_bytes` joins a page of `used_bytes`.
fn joins(used_bytes: usize, more_bytes: usize) -> bool {
    let run_bytes = run_pages(used_bytes) * PAGE_BYTES;
    let grown_bytes = used_bytes + more_bytes;
    let is_full = used_bytes * FULL.1 >= run_bytes * FULL.0;
    grown_bytes <= run_bytes || (!is_full && run_pages(grown_bytes) <= MAX_RUN_PAGES)
}

/// A branch page: its children, each with the first key below it.
#[derive(Debug)]
pub(crate) struct Node {
    keys: Vec<u8>,
    /// Where each key ends in `keys`, and the child's page id.
    children: Vec<(usize, u64)>,
}

impl Node {
    fn new() -> Self {
        Node { keys: Vec::new(), children: Vec::new() }
    }

    pub(crate) fn count(&self) -> usize {
        self.children.len()
    }

    pub(crate) fn used_bytes(&self) -> usize {
        HEADER_BYTES + self.children.len() * ELEMENT_BYTES + self.keys.len()
    }

    /// Keys of all children, one after the other.
    pub(crate) fn keys(&self) -> &[u8] {
        &self.keys
    }

    /// Key and page id of each child.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&[u8], u64)> {
        (0..self.count()).map(|at| (&self.keys[self.begin(at)..self.children[at].0], self.children[at].1))
    }

    /// Where the key of child `at` begins, which may be one past the last.
    fn begin(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.children[at - 1].0 }
    }

    fn push(&mut self, key: &[u8], page: u64) {
        self.keys.extend_from_slice(key);
        self.children.push((self.keys.len(), page));
    }

    /// Takes another node's children behind its own.
    fn append(&mut self, other: &Node) {
        other.children().for_each(|(key, page)| self.push(key, page));
    }

    /// Cuts off the children from `at` on.
    fn split_off(&mut self, at: usize) -> Node {
        let mut rest = Node::new();
        self.children().skip(at).for_each(|(key, page)| rest.push(key, page));
        self.keys.truncate(self.begin(at));
        self.children.truncate(at);
        rest
    }
}

/// The last two branches of a level share their children evenly when the last one is too empty.
fn balance(mut full: Node, last: Node) -> (Node, Option<Node>) {
    if last.count() >= MIN_CHILDREN && last.used_bytes() * 2 >= full.used_bytes() {
        return (full, Some(last));
    }
    full.append(&last);
    if full.count() < 2 * MIN_CHILDREN {
        return (full, None);
    }
    let rest = full.split_off(full.count() / 2);
    (full, Some(rest))
}

/// One level of branches.
struct Level {
    /// A full branch that waits for its right neighbour.
    full: Option<Node>,
    open: Node,
    /// Whether branches of this level are finished already.
    has_siblings: bool,
}

/// The open part of one bucket's tree.
struct Tree {
    used_bytes: usize,
    count: usize,
    first_key: Vec<u8>,
    last_key: Vec<u8>,
    /// Whether leaves are finished already.
    has_siblings: bool,
    levels: Vec<Level>,
}

impl Tree {
    fn new() -> Self {
        Tree {
            used_bytes: HEADER_BYTES,
            count: 0,
            first_key: Vec::new(),
            last_key: Vec::new(),
            has_siblings: false,
            levels: Vec::new(),
        }
    }
}

/// Lays a file out; see the module's header.
pub(crate) struct Builder<P> {
    pages: P,
    /// Id of the next page.
    next_page: u64,
    /// Name of the open bucket.
    name: Option<Vec<u8>>,
    tree: Tree,
    /// Finished buckets: names and entries.
    buckets: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl<P: Pages> Builder<P> {
    /// A builder that puts its first page right behind the metas.
    pub(crate) fn new(pages: P) -> Self {
        Builder { pages, next_page: 2, name: None, tree: Tree::new(), buckets: BTreeMap::new() }
    }

    pub(crate) fn bucket(&mut self, name: &[u8]) -> Result<()> {
        check_key(name)?;
        self.finish_bucket()?;
        if self.buckets.contains_key(name) {
            return Err(Error::BucketTwice(name.to_vec()));
        }
        self.name = Some(name.to_vec());
        Ok(())
    }

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        check_key(key)?;
        if value.len() > MAX_VALUE_BYTES {
            return Err(Error::LargeValue(value.len()));
        }
        let Some(name) = &self.name else { return Err(Error::BucketMissing) };
        if key <= self.tree.last_key.as_slice() {
            return Err(Error::Order(name.clone()));
        }
        self.element(0, key, value)
    }

    /// Finishes the file's tree; gives its root, the id after its last page, and the pages.
    pub(crate) fn finish(mut self) -> Result<(u64, u64, P)> {
        self.finish_bucket()?;
        for (name, entry) in std::mem::take(&mut self.buckets) {
            self.element(BUCKET_FLAG, &name, &entry)?;
        }
        let root = self.finish_tree()?;
        Ok((root, self.next_page, self.pages))
    }

    fn element(&mut self, flags: u32, key: &[u8], value: &[u8]) -> Result<()> {
        let bytes = ELEMENT_BYTES + key.len() + value.len();
        if self.tree.count > 0 && !joins(self.tree.used_bytes, bytes) {
            self.close_leaf()?;
        }
        let tree = &mut self.tree;
        if tree.count == 0 {
            tree.first_key.clear();
            tree.first_key.extend_from_slice(key);
        }
        tree.last_key.clear();
        tree.last_key.extend_from_slice(key);
        tree.count += 1;
        tree.used_bytes += bytes;
        self.pages.element(flags, key, value);
        Ok(())
    }

    /// Takes the ids of a run.
    fn allocate(&mut self, used_bytes: usize) -> u64 {
        let id = self.next_page;
        self.next_page += run_pages(used_bytes) as u64;
        id
    }

    /// Finishes the open leaf, which has siblings, and tells its branch.
    fn close_leaf(&mut self) -> Result<()> {
        let id = self.write_leaf()?;
        self.tree.has_siblings = true;
        let key = std::mem::take(&mut self.tree.first_key);
        self.add_child(0, &key, id)?;
        self.tree.first_key = key;
        Ok(())
    }

    fn write_leaf(&mut self) -> Result<u64> {
        let used_bytes = std::mem::replace(&mut self.tree.used_bytes, HEADER_BYTES);
        self.tree.count = 0;
        let id = self.allocate(used_bytes);
        self.pages.leaf(id, used_bytes)?;
        Ok(id)
    }

    /// Adds a child to the branches of `level`.
    fn add_child(&mut self, level: usize, key: &[u8], page: u64) -> Result<()> {
        if self.tree.levels.len() == level {
            self.tree.levels.push(Level { full: None, open: Node::new(), has_siblings: false });
        }
        let branches = &mut self.tree.levels[level];
        let mut finished = None;
        let open = &mut branches.open;
        if open.count() >= MIN_CHILDREN && !joins(open.used_bytes(), ELEMENT_BYTES + key.len()) {
            finished = branches.full.replace(std::mem::replace(open, Node::new()));
        }
        branches.open.push(key, page);
        match finished {
            Some(node) => self.close_branch(level, &node),
            None => Ok(()),
        }
    }

    /// Finishes a branch that has siblings, and tells the branch above. The recursion is as deep as the tree.
    fn close_branch(&mut self, level: usize, node: &Node) -> Result<()> {
        let id = self.write_branch(node)?;
        self.tree.levels[level].has_siblings = true;
        let first = &node.keys[..node.begin(1)];
        self.add_child(level + 1, first, id)
    }

    fn write_branch(&mut self, node: &Node) -> Result<u64> {
        let id = self.allocate(node.used_bytes());
        self.pages.branch(id, node)?;
        Ok(id)
    }

    fn finish_bucket(&mut self) -> Result<()> {
        let Some(name) = self.name.take() else { return Ok(()) };
        let mut entry = vec![0; BUCKET_BYTES];
        if !self.tree.has_siblings && self.tree.used_bytes <= MAX_INLINE_BYTES {
            entry.extend(self.pages.inline_leaf(self.tree.used_bytes));
            self.tree = Tree::new();
        } else {
            let root = self.finish_tree()?;
            entry[..8].copy_from_slice(&root.to_le_bytes());
        }
        self.buckets.insert(name, entry);
        Ok(())
    }

    /// Finishes all that is open of a tree, and gives its root.
    fn finish_tree(&mut self) -> Result<u64> {
        if !self.tree.has_siblings {
            let root = self.write_leaf()?;
            self.tree = Tree::new();
            return Ok(root);
        }
        self.close_leaf()?;
        let mut level = 0;
        let root = loop {
            let branches = &mut self.tree.levels[level];
            let last = std::mem::replace(&mut branches.open, Node::new());
            let (node, last) = match branches.full.take() {
                Some(full) => balance(full, last),
                None => (last, None),
            };
            if last.is_none() && !branches.has_siblings {
                break self.write_branch(&node)?;
            }
            self.close_branch(level, &node)?;
            if let Some(last) = last {
                self.close_branch(level, &last)?;
            }
            level += 1;
        };
        self.tree = Tree::new();
        Ok(root)
    }
}

fn check_key(key: &[u8]) -> Result<()> {
    match key.len() {
        0 => Err(Error::EmptyKey),
        1..=MAX_KEY_BYTES => Ok(()),
        bytes => Err(Error::LargeKey(bytes)),
    }
}
