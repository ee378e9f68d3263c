//! A model of the tree that can be read at a glance: one map of paths, and the rules of etcd 3.5 written down one by one.
//!
//! It is slow and keeps everything, and has not a line in common with the tree. Its clock is the time of the requests, its
//! index the number of changes so far.

use crate::told::{Refused, Shown, Told};
use crate::waiting::Waiting;
use oxetcd_api::etcdserverpb::Request;
use std::{collections::BTreeMap, path::Component, path::Path};

/// What nobody may write or remove.
const READ_ONLY: [&str; 3] = ["/", "/0", "/1"];
/// 2000-01-01: what would have gone before that stays for good, when it is made.
const YEAR_2000: i64 = 946_684_800_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// A file, or a directory: that has no value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Option<String>,
    pub(crate) created: u64,
    pub(crate) modified: u64,
    pub(crate) expires: Option<i64>,
}

/// The whole tree.
pub(crate) struct Model {
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) index: u64,
    pub(crate) clock: i64,
    /// How often what went how, by the names of `/v2/stats/store`.
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) waiting: Waiting,
}

type Done<T> = Result<T, Refused>;

/// A path without `.`, `..`, empty parts and the slash at its end.
pub(crate) fn cleaned(path: &str) -> String {
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    format!("/{}", parts.join("/"))
}

/// The directories above a clean path, the root first.
pub(crate) fn above(path: &str) -> Vec<String> {
    let slashes = path.match_indices('/').map(|(at, _)| if at == 0 { "/" } else { &path[..at] });
    slashes.filter(|dir| *dir != path).map(str::to_owned).collect()
}

/// Whether `path` is somewhere below `dir`.
pub(crate) fn is_below(path: &str, dir: &str) -> bool {
    above(path).iter().any(|above| above == dir)
}

impl Model {
    /// A tree in which no client has written, after so many changes elsewhere.
    pub(crate) fn new(index: u64) -> Self {
        let dir = Entry { value: None, created: 0, modified: 0, expires: None };
        let entries = READ_ONLY.map(|path| (path.to_owned(), dir.clone())).into();
        let waiting = Waiting::after(index);
        Model { entries, index, clock: 0, counts: BTreeMap::new(), waiting }
    }

    /// Does what a request of the log asks for.
    pub(crate) fn apply(&mut self, request: &Request) -> Done<Option<Told>> {
        self.clock = self.clock.max(request.time());
        let path = cleaned(request.path());
        let expires = Some(request.expiration()).filter(|at| *at != 0);
        let value = (!request.dir()).then(|| request.val());
        let condition = (request.prev_value(), request.prev_index());
        let quiet = request.refresh();
        let done = match (request.method(), condition != ("", 0), request.prev_exist) {
            ("POST", ..) => {
                let named = cleaned(&format!("{path}/{:020}", self.index + 1));
                self.counted("create", |m| m.put("create", &named, value, expires, false, false))
            }
            ("PUT", _, Some(false)) => {
                self.counted("create", |m| m.put("create", &path, value, expires, false, false))
            }
            ("PUT", true, _) => self.swap(&path, condition, request.val(), expires, quiet),
            ("PUT", false, Some(true)) => self.update(&path, request.val(), expires, quiet),
            ("PUT", false, None) => self.counted("sets", |m| m.set(&path, value, expires, quiet)),
            ("DELETE", true, _) => self.compare_and_delete(&path, condition),
            ("DELETE", false, _) => self.delete(&path, request.dir(), request.recursive()),
            ("QGET", ..) => self.get(&path, request.recursive()),
            ("SYNC", ..) => {
                self.expire(request.time());
                return Ok(None);
            }
            _ => return Ok(None),
        };
        done.map(Some)
    }

    pub(crate) fn get(&mut self, path: &str, recursive: bool) -> Done<Told> {
        let path = cleaned(path);
        self.counted("gets", |m| {
            m.find(&path)?;
            let node = m.shown(&path, if recursive { usize::MAX } else { 1 });
            Ok(Told { action: "get", node, prev: None, quiet: false })
        })
    }

    /// Something of the cluster's members changed, which is kept elsewhere.
    pub(crate) fn count_elsewhere(&mut self, counter: &str) {
        *self.counts.entry(counter.to_owned()).or_default() += 1;
        self.index += 1;
        self.waiting.remember(None);
    }

    fn set(&mut self, path: &str, value: Option<&str>, expires: Option<i64>, quiet: bool) -> Done<Told> {
        let before = match self.find(path) {
            Err(refused) if refused.code != 100 || quiet => return Err(refused),
            found => found.ok().cloned(),
        };
        // A refresh keeps the value, whatever it brings along.
        let kept = before.and_then(|entry| entry.value).filter(|_| quiet);
        let value = value.map(|value| kept.as_deref().unwrap_or(value));
        self.put("set", path, value, expires, true, quiet)
    }

    fn put(
        &mut self,
        action: &'static str,
        path: &str,
        value: Option<&str>,
        expires: Option<i64>,
        may_replace: bool,
        quiet: bool,
    ) -> Done<Told> {
        self.may_write(path)?;
        let is_file = |path: &String| self.entries.get(path).is_some_and(|entry| entry.value.is_some());
        if let Some(file) = above(path).iter().find(|dir| is_file(dir)) {
            let refused = self.refused(104, file);
            *self.counts.entry("setsFail".to_owned()).or_default() += 1;
            return Err(refused);
        }
        let prev = match self.entries.get(path) {
            Some(_) if !may_replace => return Err(self.refused(105, path)),
            Some(Entry { value: None, .. }) => return Err(self.refused(102, path)),
            found => found.map(|_| self.shown(path, 0)),
        };
        let index = self.index + 1;
        let new = Entry { value: None, created: index, modified: index, expires: None };
        for dir in above(path) {
            self.entries.entry(dir).or_insert(new.clone());
        }
        let (value, expires) = (value.map(str::to_owned), expires.filter(|at| *at >= YEAR_2000));
        self.entries.insert(path.to_owned(), Entry { value, expires, ..new });
        Ok(self.happened(action, path, prev, quiet))
    }

    fn swap(
        &mut self,
        path: &str,
        condition: (&str, u64),
        value: &str,
        expires: Option<i64>,
        quiet: bool,
    ) -> Done<Told> {
        let name = "compareAndSwap";
        // Going against the root counts as a success, here and below.
        self.may_write(path).inspect_err(|_| self.count(name, true))?;
        self.counted(name, |m| m.holds(path, condition))?;
        Ok(self.rewrite(name, path, value, expires, quiet))
    }

    fn update(&mut self, path: &str, value: &str, expires: Option<i64>, quiet: bool) -> Done<Told> {
        self.may_write(path).inspect_err(|_| self.count("update", true))?;
        let is_dir = self.counted("update", |m| m.find(path).map(|entry| entry.value.is_none()))?;
        if is_dir && !value.is_empty() {
            return Err(self.refused(102, path));
        }
        if is_dir {
            let cause = format!("nodePath {path} : Not a file ()");
            return Err(Refused { code: 300, cause, index: 0 });
        }
        Ok(self.rewrite("update", path, value, expires, quiet))
    }

    /// Gives a file another value and another end.
    fn rewrite(
        &mut self,
        action: &'static str,
        path: &str,
        value: &str,
        expires: Option<i64>,
        quiet: bool,
    ) -> Told {
        let (prev, modified) = (self.shown(path, 0), self.index + 1);
        if let Some(entry) = self.entries.get_mut(path) {
            let old = entry.value.take();
            let value = if quiet { old } else { Some(value.to_owned()) };
            *entry = Entry { value, modified, expires, ..*entry };
        }
        self.happened(action, path, Some(prev), quiet)
    }

    fn delete(&mut self, path: &str, dir: bool, recursive: bool) -> Done<Told> {
        self.may_write(path).inspect_err(|_| self.count("delete", true))?;
        self.counted("delete", |m| {
            let is_dir = m.find(path)?.value.is_none();
            if is_dir && !dir && !recursive {
                return Err(m.refused(102, path));
            }
            if is_dir && !recursive && m.entries.keys().any(|key| is_below(key, path)) {
                return Err(m.refused(108, path));
            }
            Ok(())
        })?;
        Ok(self.remove("delete", path))
    }

    fn compare_and_delete(&mut self, path: &str, condition: (&str, u64)) -> Done<Told> {
        let name = "compareAndDelete";
        self.counted(name, |m| m.find(path).map(drop))?;
        self.holds(path, condition)?;
        Ok(self.remove(name, path))
    }

    /// Removes what should be gone at `until`: what goes first is first, and at the same moment the lesser path.
    pub(crate) fn expire(&mut self, until: i64) {
        let later = std::mem::replace(&mut self.clock, until);
        loop {
            let ends = self.entries.iter().filter_map(|(path, entry)| Some((entry.expires?, path.clone())));
            let Some((_, path)) = ends.filter(|(at, _)| *at <= until).min() else { break };
            self.remove("expire", &path);
            *self.counts.entry("expireCount".to_owned()).or_default() += 1;
        }
        self.clock = later;
    }

    fn remove(&mut self, action: &'static str, path: &str) -> Told {
        let prev = self.shown(path, 0);
        let gone: Vec<_> =
            self.entries.keys().filter(|key| *key == path || is_below(key, path)).cloned().collect();
        gone.iter().for_each(|key| drop(self.entries.remove(key)));
        self.index += 1;
        let node = Shown {
            key: path.to_owned(),
            dir: prev.dir,
            created: prev.created,
            modified: self.index,
            ..Shown::default()
        };
        let told = Told { action, node, prev: Some(prev), quiet: false };
        self.waiting.tell_of_removed(&told, &gone);
        self.waiting.tell(&told);
        told
    }

    fn happened(&mut self, action: &'static str, path: &str, prev: Option<Shown>, quiet: bool) -> Told {
        self.index += 1;
        let told = Told { action, node: self.shown(path, 0), prev, quiet };
        self.waiting.tell(&told);
        told
    }

    fn refused(&self, code: u32, cause: &str) -> Refused {
        Refused { code, cause: cause.to_owned(), index: self.index }
    }

    fn may_write(&self, path: &str) -> Done<()> {
        if READ_ONLY.contains(&path) { Err(self.refused(107, "/")) } else { Ok(()) }
    }

    fn find(&self, path: &str) -> Done<&Entry> {
        for dir in above(path) {
            match self.entries.get(&dir) {
                None => return Err(self.refused(100, &dir)),
                Some(Entry { value: Some(_), .. }) => return Err(self.refused(104, &dir)),
                Some(_) => {}
            }
        }
        self.entries.get(path).ok_or_else(|| self.refused(100, path))
    }

    /// Whether there is a file with this value (empty: any) and this index (0: any).
    fn holds(&self, path: &str, (value, index): (&str, u64)) -> Done<()> {
        let entry = self.find(path)?;
        let Some(is) = &entry.value else { return Err(self.refused(102, path)) };
        let other_value = (!value.is_empty() && value != is).then(|| format!("[{value} != {is}]"));
        let other_index =
            (index != 0 && index != entry.modified).then(|| format!("[{index} != {}]", entry.modified));
        match (other_value, other_index) {
            (None, None) => Ok(()),
            (Some(one), None) | (None, Some(one)) => Err(self.refused(101, &one)),
            (Some(one), Some(other)) => Err(self.refused(101, &format!("{one} {other}"))),
        }
    }

    /// What clients see of an entry that is there, with so many levels of what is below it.
    fn shown(&self, path: &str, levels: usize) -> Shown {
        let Entry { value, created, modified, expires } = self.entries[path].clone();
        let below = if path == "/" { path.to_owned() } else { format!("{path}/") };
        let name_in = |key: &String| {
            key.strip_prefix(&below).is_some_and(|name| !name.is_empty() && !name.contains('/'))
        };
        let children = self.entries.keys().filter(|key| name_in(key));
        let visible =
            children.filter(|key| !key.rsplit('/').next().is_some_and(|name| name.starts_with('_')));
        let nodes =
            if levels == 0 { vec![] } else { visible.map(|key| self.shown(key, levels - 1)).collect() };
        let left = expires.map_or(0, |at| at - self.clock);
        // Begun seconds count, as long as there are any.
        let ttl = if left > 0 { (left + SECOND - 1) / SECOND } else { left / SECOND };
        let dir = value.is_none();
        Shown { key: path.to_owned(), value, dir, expires, ttl, modified, created, nodes }
    }

    fn count(&mut self, what: &str, well: bool) {
        let name = format!("{what}{}", if well { "Success" } else { "Fail" });
        *self.counts.entry(name).or_default() += 1;
    }

    fn counted<T>(&mut self, what: &str, act: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        let done = act(self);
        self.count(what, done.is_ok());
        done
    }
}
