//! Answers about keys, in the three formats of version 2.

use super::{global, keys::Answer};
use crate::args::Invocation;

/// Whether answers are in the format for people, in which commands for directories say nothing.
pub(super) fn is_simple(invocation: &Invocation) -> bool {
    invocation.matches.text(&global::OUTPUT) == "simple"
}

/// Shows an answer. A format that does not exist is complained about, and that is all: the exit code stays 0.
pub(super) fn show(invocation: &Invocation, answer: &Answer) {
    let out = &invocation.out;
    let previous = answer.prev_node.as_ref().map(|node| node.value.as_str());
    match invocation.matches.text(&global::OUTPUT).as_str() {
        "simple" if answer.action == "delete" => {
            out.line(format_args!("PrevNode.Value: {}", previous.unwrap_or_default()));
        }
        "simple" => out.line(&answer.node.value),
        "extended" => {
            out.line(format_args!("Key: {}", answer.node.key));
            out.line(format_args!("Created-Index: {}", answer.node.created_index));
            out.line(format_args!("Modified-Index: {}", answer.node.modified_index));
            if let Some(previous) = previous {
                out.line(format_args!("PrevNode.Value: {previous}"));
            }
            out.line(format_args!("TTL: {}", answer.node.ttl));
            out.line(format_args!("Index: {}", answer.index));
            if answer.action != "delete" {
                out.line(format_args!("\n{}", answer.node.value));
            }
        }
        "json" => out.line(oxetcd_v2::to_json(answer)),
        other => {
            out.flush();
            eprintln!("Unsupported output format: {other}");
        }
    }
}
