//! The picture: one line a prefix, the largest first.

use super::sums::{Sum, Sums};
use crate::{go::size::human_bytes, print::Output};
use std::{cmp::Reverse, time::Duration};

/// What is shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Bytes,
    Keys,
    Writes,
}

impl Order {
    /// The order of that name.
    pub(super) fn named(name: &str) -> Option<Order> {
        Some(match name {
            "bytes" => Order::Bytes,
            "keys" => Order::Keys,
            "writes" => Order::Writes,
            _ => return None,
        })
    }

    fn of(self, sum: &Sum) -> i64 {
        match self {
            Order::Bytes => sum.bytes,
            Order::Keys => sum.keys,
            Order::Writes => (sum.puts + sum.deletes) as i64,
        }
    }
}

/// Shows the sums; `took` is the length of the interval.
pub(super) fn show(out: &Output, sums: &Sums, revision: i64, took: Duration, order: Order, limit: usize) {
    let mut rows: Vec<(&[u8], Sum)> = sums.iter().collect();
    rows.sort_by_key(|(_, sum)| Reverse(order.of(sum)));
    let all = rows.iter().fold(sums.rest(), |all, (_, sum)| all.plus(*sum));
    let hidden = rows.split_off(limit.min(rows.len()));
    let rest = hidden.iter().fold(sums.rest(), |rest, (_, sum)| rest.plus(*sum));
    out.line(format_args!("revision {revision}, {} s", round(took.as_secs_f64())));
    let titles = ["KEYS", "BYTES", "PUTS/S", "DELETES/S", "WRITTEN/S"];
    let mut lines = vec![(titles.map(str::to_owned), "PREFIX".to_owned())];
    lines.push((cells(&all, took), "(all)".to_owned()));
    lines.extend(rows.iter().map(|(prefix, sum)| (cells(sum, took), prefix.escape_ascii().to_string())));
    if rest != Sum::default() {
        lines.push((cells(&rest, took), format!("({} others)", hidden.len())));
    }
    let width = |column: usize| lines.iter().map(|(cells, _)| cells[column].len()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    for (cells, prefix) in &lines {
        let columns: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        out.line(format_args!("{}  {prefix}", columns.join("  ")));
    }
}

fn cells(sum: &Sum, took: Duration) -> [String; 5] {
    let seconds = took.as_secs_f64().max(1e-3);
    let bytes = |bytes: i64| human_bytes(u64::try_from(bytes).unwrap_or(0));
    [
        sum.keys.to_string(),
        bytes(sum.bytes),
        round(sum.puts as f64 / seconds),
        round(sum.deletes as f64 / seconds),
        bytes((sum.put_bytes as f64 / seconds) as i64),
    ]
}

fn round(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::mvccpb::{Event, KeyValue};

    #[test]
    fn the_largest_come_first_and_the_rest_is_summed_up() {
        let mut sums = Sums::new(b"", 1);
        let kv = |key: &str, length: usize| KeyValue {
            key: key.to_owned().into(),
            value: vec![0; length].into(),
            create_revision: 5,
            mod_revision: 5,
            ..KeyValue::default()
        };
        for (key, length) in [("a/1", 10), ("b/1", 5000), ("b/2", 5000), ("c/1", 1), ("d\n/1", 100)] {
            sums.found(&kv(key, length));
        }
        sums.changed(&Event { kv: Some(kv("c/2", 1)), ..Event::default() });
        let shown = |order, limit| {
            let out = Output::memory();
            show(&out, &sums, 7, Duration::from_secs(2), order, limit);
            String::from_utf8(out.contents()).expect("text")
        };
        let expected = "\
revision 7, 2.0 s
KEYS  BYTES  PUTS/S  DELETES/S  WRITTEN/S  PREFIX
   6  10 kB     0.5        0.0        2 B  (all)
   2  10 kB     0.0        0.0        0 B  b/
   1  104 B     0.0        0.0        0 B  d\\n/
   3   21 B     0.5        0.0        2 B  (2 others)
";
        assert_eq!(shown(Order::Bytes, 2), expected);
        assert!(shown(Order::Writes, 1).contains("c/\n"));
        assert!(shown(Order::Keys, 1).contains("  b/\n"));
    }
}
