//! What differs, and why.

use super::{
    column::Column,
    run::{Record, Records},
    script::{Script, Step},
};
use anyhow::Result;
use std::fmt;

/// Counts over all scripts.
#[derive(Default)]
pub(crate) struct Summary {
    commands: usize,
    compared: usize,
    equal: usize,
    explained: usize,
    unexplained: usize,
    broken: usize,
}

impl Summary {
    /// Whether anything differs without a reason, or could not be run.
    pub(crate) fn failed(&self) -> bool {
        self.unexplained > 0 || self.broken > 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} commands, {} comparisons: {} equal, {} differ for a reason, {} differ without one, {} scripts did not run",
            self.commands, self.compared, self.equal, self.explained, self.unexplained, self.broken
        )
    }
}

/// Compares what the pairs showed with what the first of them did, and prints what differs.
pub(crate) fn compare(
    script: &Script,
    columns: &[Column],
    records: Vec<Result<Records>>,
    show: bool,
    summary: &mut Summary,
) {
    summary.commands += script.commands();
    let mut pairs = columns.iter().zip(records);
    let expected = match pairs.next() {
        Some((_, Ok(expected))) => expected,
        Some((_, Err(error))) => {
            println!("\n{}: {error:#}", script.name);
            summary.broken += 1;
            return;
        }
        None => return,
    };
    if show {
        for (step, record) in script.steps.iter().zip(&expected) {
            println!("{}:{}: {}", script.name, step.line, step.text);
            record.iter().for_each(|record| print!("{}", indented(record)));
        }
    }
    for (column, got) in pairs {
        match got {
            Ok(got) => compare_pair(script, column, &expected, &got, summary),
            Err(error) => {
                println!("\n{}: {error:#}", script.name);
                summary.broken += 1;
            }
        }
    }
}

fn compare_pair(script: &Script, column: &Column, expected: &Records, got: &Records, summary: &mut Summary) {
    for (step, (expected, got)) in script.steps.iter().zip(expected.iter().zip(got)) {
        let (Some(expected), Some(got)) = (expected, got) else { continue };
        summary.compared += 1;
        if expected == got {
            summary.equal += 1;
        } else if let Some(reason) = step.reason(column) {
            summary.explained += 1;
            println!("\n{}\n    differs because {reason}", place(script, step, column));
        } else {
            summary.unexplained += 1;
            println!("\n{}\n{}", place(script, step, column), difference(expected, got));
        }
    }
}

fn place(script: &Script, step: &Step, column: &Column) -> String {
    format!("{}.txt:{} ({}), {}:\n  {}", script.name, step.line, step.case, column.name, step.text)
}

/// The lines that only one of the two has.
fn difference(expected: &Record, got: &Record) -> String {
    let parts = [
        ("status", &expected.status, &got.status),
        ("stdout", &expected.stdout, &got.stdout),
        ("stderr", &expected.stderr, &got.stderr),
    ];
    let mut out = String::new();
    for (name, expected, got) in parts {
        if expected == got {
            continue;
        }
        out.push_str(&format!("    {name}:\n"));
        let (expected, got): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), got.lines().collect());
        let same_start = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
        let shorter = expected.len().min(got.len()) - same_start;
        let same_end =
            expected.iter().rev().zip(got.iter().rev()).take(shorter).take_while(|(a, b)| a == b).count();
        for line in &expected[same_start..expected.len() - same_end] {
            out.push_str(&format!("    - {line}\n"));
        }
        for line in &got[same_start..got.len() - same_end] {
            out.push_str(&format!("    + {line}\n"));
        }
    }
    out
}

fn indented(record: &Record) -> String {
    let mut out = format!("    [{}]\n", record.status);
    for (mark, text) in [("", &record.stdout), ("! ", &record.stderr)] {
        text.lines().for_each(|line| out.push_str(&format!("    {mark}{line}\n")));
    }
    out
}
