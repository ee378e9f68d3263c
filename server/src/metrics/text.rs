//! The Prometheus text format 0.0.4.
//!
//! Written here rather than by the library for the sake of one detail: the `le` label of a bucket is a string,
//! and recording rules compare it as one. Go writes a million as `1e+06`, so does this.

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};
use std::fmt::Write;

/// Writes all families, in the order given.
pub(super) fn encode(families: &[MetricFamily]) -> String {
    let mut out = String::with_capacity(256 * 1024);
    for family in families {
        let name = family.name();
        let kind = family.get_field_type();
        out.push_str("# HELP ");
        out.push_str(name);
        out.push(' ');
        escape(family.help(), false, &mut out);
        out.push_str("\n# TYPE ");
        out.push_str(name);
        out.push_str(match kind {
            MetricType::COUNTER => " counter\n",
            MetricType::GAUGE => " gauge\n",
            MetricType::HISTOGRAM => " histogram\n",
            _ => " untyped\n",
        });
        for metric in family.get_metric() {
            match kind {
                MetricType::COUNTER => sample(&mut out, name, metric, metric.get_counter().get_value()),
                MetricType::HISTOGRAM => histogram(&mut out, name, metric),
                _ => sample(&mut out, name, metric, metric.get_gauge().get_value()),
            }
        }
    }
    out
}

fn sample(out: &mut String, name: &str, metric: &Metric, value: f64) {
    out.push_str(name);
    labels(out, metric.get_label(), None);
    out.push(' ');
    go_float(value, out);
    out.push('\n');
}

fn histogram(out: &mut String, name: &str, metric: &Metric) {
    let histogram = metric.get_histogram();
    let count = histogram.get_sample_count();
    let mut bound = String::new();
    let buckets =
        histogram.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    for (upper, below) in buckets.chain([(f64::INFINITY, count)]) {
        bound.clear();
        go_float(upper, &mut bound);
        out.push_str(name);
        out.push_str("_bucket");
        labels(out, metric.get_label(), Some(&bound));
        // Writing to a string does not fail.
        let _ = writeln!(out, " {below}");
    }
    out.push_str(name);
    out.push_str("_sum");
    labels(out, metric.get_label(), None);
    out.push(' ');
    go_float(histogram.get_sample_sum(), out);
    out.push('\n');
    out.push_str(name);
    out.push_str("_count");
    labels(out, metric.get_label(), None);
    let _ = writeln!(out, " {count}");
}

fn labels(out: &mut String, pairs: &[LabelPair], le: Option<&str>) {
    if pairs.is_empty() && le.is_none() {
        return;
    }
    let mut before = '{';
    for (name, value) in pairs.iter().map(|pair| (pair.name(), pair.value())).chain(le.map(|le| ("le", le))) {
        out.push(before);
        out.push_str(name);
        out.push_str("=\"");
        escape(value, true, out);
        out.push('"');
        before = ',';
    }
    out.push('}');
}

fn escape(text: &str, quotes: bool, out: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

/// Writes a number as Go's `%g` does at shortest precision: an exponent below -4 or from 6 on is written out.
fn go_float(value: f64, out: &mut String) {
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    if value.is_nan() {
        return out.push_str("NaN");
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let _ = if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02}", exponent.abs())
    } else {
        write!(out, "{value}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_go_prints_them() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (5.9e-5, "5.9e-05"),
            (52.4288, "52.4288"),
            (524_288.0, "524288"),
            (1_000_000.0, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (2_147_483_648.0, "2.147483648e+09"),
            (1.844_674_407_370_955_2e19, "1.8446744073709552e+19"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in cases {
            let mut text = String::new();
            go_float(value, &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn labels_and_help_cannot_break_the_format() {
        let mut text = String::new();
        escape("a\"b\\c\nd", true, &mut text);
        assert_eq!(text, r#"a\"b\\c\nd"#);
        text.clear();
        escape("say \"x\"\n", false, &mut text);
        assert_eq!(text, "say \"x\"\\n");
    }
}
