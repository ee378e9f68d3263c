//! Progress of what takes long, on a terminal.
//!
//! A bar goes to stderr, so that what a command prints can be piped; it is drawn only where a person looks, that is on a
//! terminal. There it has no colours unless the terminal takes them and `NO_COLOR` is unset: indicatif asks both.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// How often a bar with a clock is drawn anew although nothing happened.
const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// A bar over a known number of steps.
pub fn steps(total: u64) -> ProgressBar {
    styled(ProgressBar::new(total), "{pos}/{len} {wide_bar:.green} {percent}% {elapsed}")
}

/// A bar over a known number of bytes.
pub fn known_bytes(total: u64) -> ProgressBar {
    styled(ProgressBar::new(total), "{bytes}/{total_bytes} {wide_bar:.green} {percent}% {elapsed}")
}

/// A counter of bytes whose end is not known.
pub fn bytes() -> ProgressBar {
    let bar = styled(ProgressBar::no_length(), "{bytes} received, {bytes_per_sec}, {elapsed}");
    bar.enable_steady_tick(REDRAW_EVERY);
    bar
}

/// A counter of keys whose end is not known.
pub fn keys(what: &'static str) -> ProgressBar {
    let bar = styled(ProgressBar::no_length(), "{pos} {msg}, {per_sec}, {elapsed}");
    bar.set_message(what);
    bar.enable_steady_tick(REDRAW_EVERY);
    bar
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the templates are constants, and tested");
    bar.with_style(style)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_templates_can_be_read() {
        for bar in [super::steps(3), super::bytes(), super::keys("keys")] {
            bar.inc(2);
            assert_eq!(bar.position(), 2);
            bar.finish_and_clear();
        }
    }
}
