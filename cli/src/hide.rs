//! Passwords on the command line, out of sight of `ps`.
//!
//! Every user of a machine can read the arguments of every process (`/proc/PID/cmdline`), so a password that was given as
//! one is overwritten as soon as it has been read, as psql and mysql do. Between the start of the process and that moment, a few
//! milliseconds, it can be seen; a prompt, `ETCDCTL_PASSWORD` or a certificate shows none at all.
//!
//! A process's arguments are memory of its own, and `/proc/self/mem` lets it write there like a file. Where that is forbidden, or on
//! another system, they stay as they are: hiding is a courtesy, not what safety rests on.

use std::{
    fs::{self, OpenOptions},
    ops::Range,
    os::unix::fs::FileExt,
};

/// Flags whose value is a password.
const PASSWORDS: [&[u8]; 3] = [b"--password", b"--new-user-password", b"--dest-password"];
/// Flags whose value is `user:password`, or a user alone.
const USERS: [&[u8]; 4] = [b"--user", b"--dest-user", b"--username", b"-u"];
/// Which field of `/proc/self/stat`, behind the name of the program, says where the arguments begin.
const ARGUMENTS_BEGIN: usize = 45;

/// Overwrites this process's passwords. To be called once the arguments have been copied.
pub fn passwords() {
    let Ok(line) = fs::read("/proc/self/cmdline") else { return };
    let ranges = ranges(&line);
    if ranges.is_empty() {
        return;
    }
    let Some(begin) = begin() else { return };
    let Ok(memory) = OpenOptions::new().write(true).open("/proc/self/mem") else { return };
    for range in ranges {
        let _ = memory.write_all_at(&vec![b'x'; range.len()], begin + range.start as u64);
    }
}

fn begin() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold blanks.
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(ARGUMENTS_BEGIN)?.parse().ok()
}

/// Where in `line`, whose arguments end in a zero each, passwords are.
fn ranges(line: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut before, mut words): (usize, &[u8], Vec<&[u8]>) = (0, b"", Vec::new());
    for argument in line.split(|byte| *byte == 0) {
        let end = start + argument.len();
        let equals = argument.iter().position(|byte| *byte == b'=');
        let (flag, value_at) = match equals {
            Some(at) if argument.starts_with(b"-") => (&argument[..at], at + 1),
            _ => (before, 0),
        };
        let user = behind_colon(&argument[value_at..]).map(|at| start + value_at + at..end);
        if PASSWORDS.contains(&flag) {
            found.push(start + value_at..end);
        } else if USERS.contains(&flag) {
            found.extend(user);
        } else if !argument.starts_with(b"-") {
            // `user add NAME:PASSWORD`
            if words.ends_with(&[b"user", b"add"]) {
                found.extend(user);
            }
            words.push(argument);
        }
        (before, start) = (argument, end + 1);
    }
    found.retain(|range| !range.is_empty());
    found
}

fn behind_colon(value: &[u8]) -> Option<usize> {
    value.iter().position(|byte| *byte == b':').map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line with what would be hidden as stars.
    fn shown(line: &str) -> String {
        let mut bytes = line.replace(' ', "\0").into_bytes();
        for range in ranges(&bytes) {
            bytes[range].fill(b'*');
        }
        String::from_utf8(bytes).expect("ASCII").replace('\0', " ")
    }

    #[test]
    fn passwords_are_found_and_nothing_else() {
        for (line, expected) in [
            ("etcdctl --user root:pw get a:b", "etcdctl --user root:** get a:b"),
            ("etcdctl --user=root:p:w get a", "etcdctl --user=root:*** get a"),
            ("etcdctl --user root get a:b", "etcdctl --user root get a:b"),
            ("etcdctl --user root --password pw get a", "etcdctl --user root --password ** get a"),
            ("etcdctl get a --password=a=b", "etcdctl get a --password=***"),
            ("etcdctl user add alice:secret", "etcdctl user add alice:******"),
            (
                "etcdctl user add alice --new-user-password secret",
                "etcdctl user add alice --new-user-password ******",
            ),
            ("etcdctl user --user root:pw add alice:secret", "etcdctl user --user root:** add alice:******"),
            (
                "etcdctl make-mirror --dest-user a:b --dest-password c h:1",
                "etcdctl make-mirror --dest-user a:* --dest-password * h:1",
            ),
            ("etcdctl -u root:pw ls", "etcdctl -u root:** ls"),
            ("etcdctl put user add:1", "etcdctl put user add:1"),
            ("etcdctl --password", "etcdctl --password"),
        ] {
            assert_eq!(shown(line), expected);
        }
    }
}
