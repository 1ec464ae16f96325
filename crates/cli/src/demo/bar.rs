//! How far a long step is, for whoever watches.

use crate::output::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};

/// Fewer than these are done before anybody could read a bar.
const WORTH_A_BAR: usize = 2000;

/// A progress bar that only a terminal sees, and that is gone when this is dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// Nothing done out of `count` things.
    pub fn new(count: usize, what: &str, output: &Output) -> Self {
        let watched = io::stderr().is_terminal() && !output.is_json() && count >= WORTH_A_BAR;
        let target = match watched {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(count as u64), target);
        let template = "   {bar:30} {human_pos} of {human_len} {msg} · {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// Some more are done.
    pub fn more(&self, count: u64) {
        self.0.inc(count);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
