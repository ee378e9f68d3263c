//! Making alike what may differ: ids, times, versions, sizes, addresses.
//!
//! Ids get numbers: see [`Ids`].

use super::ids::Ids;
use oxetcd_api::etcdserverpb::ResponseHeader;
use prost::Message;
use regex::{Captures, Regex};

/// First byte of every encoded answer: field 1, a message.
const HEADER_TAG: u8 = 0x0a;

/// How lines of logs begin: zap's and gRPC's.
const LOGGED: [&str; 3] = ["{\"level\":", "INFO: 20", "WARNING: 20"];

/// Whether a line is zap's in the form for people: a moment, a tab, a level.
fn is_logged_for_people(line: &str) -> bool {
    line.split_once('\t').is_some_and(|(moment, _)| moment.starts_with("20") && moment.ends_with('Z'))
}

/// Made for one script and one pair.
pub(crate) struct Normaliser {
    places: Vec<(String, &'static str)>,
    ids: Ids,
    dotted: Regex,
    rules: Vec<(Regex, &'static str)>,
}

impl Normaliser {
    /// For a server that listens at these addresses, and folders with the names that stand for them.
    pub(crate) fn new(client: &str, peer: &str, folders: &[(&str, &'static str)]) -> Self {
        let regex = |pattern| Regex::new(pattern).expect("the patterns are constants, and tested");
        let rules = [
            // Right-aligned in a field that most ids fill.
            (r"(?m)^(Member) +([0-9a-f])", "$1 $2"),
            // Go's protobuf library varies the spaces in its text format on purpose.
            (r"(memberID:\d+) +(alarm:[A-Z]+) ?", "$1 $2"),
            // Seconds that tick while the script runs.
            (r"remaining\(-?\d+s\)", "remaining(<time>)"),
            (r#"("ttl":|"TTL" : )-?\d+(,"granted-ttl"|\n"GrantedTTL")"#, "$1<time>$2"),
            (r"\b\d+(\.\d+)?(ns|µs|ms)\b|\b\d+\.\d+s\b", "<time>"),
            (r"(version: |version\t)\d+\.\d+\b", "$1<version>"),
            (r#"("(?:storageVersion|downgradeTargetVersion)":")\d+\.\d+"#, "$1<version>"),
            (r"\b\d+(\.\d+)? ([kMG]?B)\b|\b\d+%", "<size>"),
            (r#"("(?i:dbSize)(?:InUse|Quota)?"(?::| : ))\d+"#, "$1<size>"),
        ];
        let places = [(client.to_owned(), "<client>"), (peer.to_owned(), "<peer>")].into_iter();
        let folders = folders.iter().map(|(folder, name)| ((*folder).to_owned(), *name));
        Normaliser {
            places: places.chain(folders).filter(|(place, _)| !place.is_empty()).collect(),
            ids: Ids::new(),
            dotted: regex(r"\b\d+(?:\.\d+){2,}(?:-[a-z]+(?:\.\d+)?)?\b"),
            rules: rules.map(|(pattern, to)| (regex(pattern), to)).into(),
        }
    }

    /// The first id in `text`, as it stands there.
    pub(crate) fn first_id(&self, text: &str) -> Option<String> {
        self.ids.first(text)
    }

    /// What a command printed; of a page of help only that it is one, and nothing of one that nobody asked for:
    /// some releases answer a wrong call with it, some do not.
    pub(crate) fn stdout(&mut self, bytes: &[u8], succeeded: bool, hex: bool) -> String {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.lines().any(is_help) => (if succeeded { "<help>\n" } else { "" }).to_owned(),
            Ok(text) if !text.contains('\0') => self.text(text, hex),
            _ => self.binary(bytes),
        }
    }

    /// What a command complained about: without the log lines of a client library, without help and the stack of
    /// a panic, and each complaint once (old releases say some twice).
    pub(crate) fn stderr(&mut self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().take_while(|line| !is_help(line) && !line.starts_with("goroutine "));
        let mut kept: Vec<&str> =
            lines.filter(|line| !LOGGED.iter().any(|start| line.starts_with(start))).collect();
        kept.retain(|line| !line.is_empty() && !is_logged_for_people(line));
        kept.dedup();
        self.text(&kept.join("\n"), false)
    }

    /// An encoded answer: its header, which holds ids, in words, and the rest as it is.
    fn binary(&mut self, bytes: &[u8]) -> String {
        let split = || {
            let (len, rest) = bytes.strip_prefix(&[HEADER_TAG])?.split_first()?;
            let (header, rest) = rest.split_at_checked(usize::from(*len))?;
            Some((ResponseHeader::decode(header).ok()?, rest))
        };
        let Some((header, rest)) = split() else { return format!("{bytes:02x?}\n") };
        let header = self.text(&format!("{header:?}"), false);
        let rest = self.ids.in_message(rest);
        header + &self.hide_places(&rest) + "\n"
    }

    fn hide_places(&self, text: &str) -> String {
        self.places.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    fn text(&mut self, text: &str, hex: bool) -> String {
        let mut text = self.hide_places(text);
        // An address has four numbers, a version three.
        text = self
            .dotted
            .replace_all(&text, |found: &Captures<'_>| {
                let address = found[0].split('.').count() == 4 && !found[0].contains('-');
                if address { found[0].to_owned() } else { "<version>".to_owned() }
            })
            .into_owned();
        for (rule, to) in &self.rules {
            text = rule.replace_all(&text, *to).into_owned();
        }
        let named = self.ids.in_text(&text, hex);
        named.lines().map(|line| squeeze(&in_order(line)) + "\n").collect()
    }
}

fn is_help(line: &str) -> bool {
    line.starts_with("NAME:") || line.starts_with("Usage:")
}

/// The members of a new member's settings, which come in the order of their ids, in an order that means nothing.
fn in_order(line: &str) -> String {
    let members = line.strip_prefix("ETCD_INITIAL_CLUSTER=\"").and_then(|rest| rest.strip_suffix('"'));
    let Some(members) = members else { return line.to_owned() };
    let mut members: Vec<&str> = members.split(',').collect();
    members.sort_unstable();
    format!("ETCD_INITIAL_CLUSTER=\"{}\"", members.join(","))
}

/// The row of a table without its drawing: cells are as wide as what stands in them, and releases differ in the
/// characters of the frame. A line of the frame itself becomes empty.
fn squeeze(line: &str) -> String {
    const FRAME: [char; 10] = ['|', '+', '│', '┌', '├', '└', '┬', '┼', '┴', '─'];
    if !line.starts_with(FRAME) {
        return line.to_owned();
    }
    if !line.contains(['|', '│']) {
        return String::new();
    }
    let cells = line.split(['|', '│']).map(str::trim);
    cells.collect::<Vec<_>>().join(" | ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normaliser() -> Normaliser {
        Normaliser::new("127.0.0.1:2379", "127.0.0.1:2380", &[("/tmp/x", "<dir>")])
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(normaliser().stdout(text.as_bytes(), true, false).trim_end(), expected);
    }

    #[test]
    fn hides_what_may_differ() {
        check("lease 694d8b5e02a1c30f granted with TTL(10s)", "lease <id1> granted with TTL(10s)");
        check("a 8e9e05c52164694d b 8e9e05c52164694d c 694d8b5e02a1c30f", "a <id1> b <id1> c <id2>");
        check(r#"{"member_id":10276657743932975437}"#, r#"{"member_id":<id1>}"#);
        check("8e9e05c52164694d 10276657743932975437", "<id1> <id1>");
        check("127.0.0.1:2379 is healthy: took = 1.234567ms", "<client> is healthy: took = <time>");
        check("127.0.0.1:2379, 3.5.1, 20 kB, true, 2, 4", "<client>, <version>, <size>, true, 2, 4");
        check(
            "etcdctl version: 3.8.0-alpha.0\nAPI version: 3.5",
            "etcdctl version: <version>\nAPI version: <version>",
        );
        check("Snapshot saved at /tmp/x/s.db", "Snapshot saved at <dir>/s.db");
        check("granted with TTL(60s), remaining(59s)", "granted with TTL(60s), remaining(<time>)");
        check(r#""ttl":9,"granted-ttl":10"#, r#""ttl":<time>,"granted-ttl":10"#);
        check("ETCD_INITIAL_CLUSTER=\"b=x,a=y\"", "ETCD_INITIAL_CLUSTER=\"a=y,b=x\"");
        check("+------+\n| A    |", "\n| A |");
        check("┌──────┐\n│   A  │", "\n| A |");
        check(
            "memberID:5  alarm:NOSPACE\nmemberID:5 alarm:NOSPACE ",
            "memberID:5 alarm:NOSPACE\nmemberID:5 alarm:NOSPACE",
        );
        check("\"DBSize\" : 20480", "\"DBSize\" : <size>");
    }

    #[test]
    fn leaves_what_must_be_equal() {
        for text in ["foo  bar", "\"Revision\" : 12", "{\"raft_term\":2}", "-1", "10s", "127.0.0.1:1"] {
            check(text, text);
        }
    }

    #[test]
    fn reads_the_header_of_an_encoded_answer() {
        let header = |member_id| ResponseHeader { cluster_id: 1 << 63, member_id, revision: 5, raft_term: 2 };
        let answer = |member_id| {
            let header = header(member_id).encode_to_vec();
            [&[HEADER_TAG, header.len() as u8], &header[..], &[0x12, 1, b'a', 0xff]].concat()
        };
        let text = normaliser().stdout(&answer(u64::MAX), true, false);
        assert!(
            text.contains("cluster_id: <id1>, member_id: <id2>, revision: 5") && text.contains("2[a] \\xff")
        );
        assert_eq!(normaliser().stdout(&answer(1 << 62), true, false), text);
    }

    #[test]
    fn drops_logs_help_and_stacks() {
        let text = "{\"level\":\"warn\"}\nWARNING: 2026/11/30 13:10:56 [core] x\nError: unknown flag: --x\nNAME:\n\tget\n";
        assert_eq!(normaliser().stderr(text.as_bytes()), "Error: unknown flag: --x\n");
        assert_eq!(normaliser().stderr(b"panic: bad\n\ngoroutine 1 [running]:\nmain()\n"), "panic: bad\n");
        assert_eq!(normaliser().stderr(b"Error: x\n\nError: x\n"), "Error: x\n");
        assert_eq!(normaliser().stdout(b"NAME:\n\tget - Gets\n", true, false), "<help>\n");
        assert_eq!(normaliser().stdout(b"NAME:\n\tget - Gets\n", false, false), "");
    }
}
