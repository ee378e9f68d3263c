//! A log file that is closed and put aside when it has grown to its limit.
//!
//! `etcd.log` becomes `etcd-2026-11-22T17-00-00.000.log`; old ones of that form are removed by number and age.

use super::{
    Rotation,
    output::{Target, append},
    time::Civil,
};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The file that is written to, and the rule by which it is rotated.
pub(super) struct RotatingFile {
    path: PathBuf,
    rule: Rotation,
    file: File,
    bytes: u64,
}

impl RotatingFile {
    /// Opens `path`, which may hold lines already.
    pub(super) fn open(path: PathBuf, rule: Rotation) -> io::Result<Self> {
        let file = append(&path)?;
        let bytes = file.metadata()?.len();
        Ok(RotatingFile { path, rule, file, bytes })
    }

    fn rotate(&mut self) -> io::Result<()> {
        fs::rename(&self.path, self.backup_path(SystemTime::now()))?;
        self.file = append(&self.path)?;
        self.bytes = 0;
        self.remove_old(SystemTime::now());
        Ok(())
    }

    /// Name and extension: what stands before and behind the time in a backup's name.
    fn parts(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let extension = text(self.path.extension());
        let dot = if extension.is_empty() { String::new() } else { format!(".{extension}") };
        (format!("{}-", text(self.path.file_stem())), dot)
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// A name that is not taken: several rotations may fall into one millisecond.
    fn backup_path(&self, now: SystemTime) -> PathBuf {
        let (start, end) = self.parts();
        let name = |later| {
            let stamp = Civil::of(now + Duration::from_millis(later)).file_stamp();
            self.folder().join(format!("{start}{stamp}{end}"))
        };
        (0..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
    }

    /// Removes backups beyond the limits. One that cannot be removed is left to the next rotation.
    fn remove_old(&self, now: SystemTime) {
        let (start, end) = self.parts();
        let Ok(entries) = fs::read_dir(self.folder()) else { return };
        let stamped = |name: &str| {
            let stamp = name.strip_prefix(&start)?.strip_suffix(&end)?;
            (stamp.len() == 23 && stamp.as_bytes()[10] == b'T').then(|| stamp.to_owned())
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut backups: Vec<(String, String)> =
            names.filter_map(|name| Some((stamped(&name)?, name))).collect();
        backups.sort_unstable_by(|a, b| b.cmp(a));
        let age = Duration::from_secs(self.rule.max_age_days.saturating_mul(86_400));
        let oldest = now.checked_sub(age).map_or(String::new(), |time| Civil::of(time).file_stamp());
        for (rank, (stamp, name)) in backups.iter().enumerate() {
            let too_many = self.rule.max_backups > 0 && rank >= self.rule.max_backups;
            let too_old = self.rule.max_age_days > 0 && *stamp < oldest;
            if too_many || too_old {
                let _ = fs::remove_file(self.folder().join(name));
            }
        }
    }
}

impl Target for RotatingFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if self.bytes > 0 && self.bytes + line.len() as u64 > self.rule.max_bytes {
                self.rotate()?;
            }
            self.file.write_all(line)?;
            self.bytes += line.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rule: Rotation, lines: usize) -> (tempfile::TempDir, Vec<String>) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut file = RotatingFile::open(dir.path().join("etcd.log"), rule).expect("the folder is writable");
        let text: String = (0..lines).map(|number| format!("line {number:03}\n")).collect();
        file.write(text.as_bytes()).expect("the folder is writable");
        let mut names: Vec<String> = fs::read_dir(dir.path())
            .expect("the folder is there")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        (dir, names)
    }

    #[test]
    fn no_line_is_lost_or_cut_by_a_rotation() {
        let (dir, names) = written(Rotation { max_bytes: 30, max_age_days: 0, max_backups: 0 }, 10);
        assert_eq!(names.len(), 4, "three lines to a file: {names:?}");
        let text: String =
            names.iter().map(|name| fs::read_to_string(dir.path().join(name)).unwrap_or_default()).collect();
        let expected: String = (0..10).map(|number| format!("line {number:03}\n")).collect();
        assert_eq!(text, expected);
    }

    #[test]
    fn only_so_many_backups_are_kept_and_nothing_else_is_removed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::write(dir.path().join("etcd-notes.log"), "mine").expect("the folder is writable");
        let old = "etcd-2001-01-01T00-00-00.000.log";
        fs::write(dir.path().join(old), "old").expect("the folder is writable");
        let rule = Rotation { max_bytes: 9, max_age_days: 1, max_backups: 2 };
        let mut file = RotatingFile::open(dir.path().join("etcd.log"), rule).expect("the folder is writable");
        file.write(b"line 001\nline 002\nline 003\nline 004\nline 005\n").expect("the folder is writable");
        let names: Vec<String> = fs::read_dir(dir.path())
            .expect("the folder is there")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert!(
            names.contains(&"etcd-notes.log".to_owned()) && !names.contains(&old.to_owned()),
            "{names:?}"
        );
        assert_eq!(fs::read_to_string(dir.path().join("etcd.log")).unwrap_or_default(), "line 005\n");
    }
}
