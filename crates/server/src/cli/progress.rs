//! Progress on a terminal: a bar if the size is known, else a count or the time. Nothing with `--json` or without a
//! terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;

/// A progress bar. It is removed when it is dropped.
pub struct ProgressReporter {
    bar: ProgressBar,
    /// What is counted.
    noun: &'static str,
}

impl ProgressReporter {
    /// Measures bytes of `size`, if that is known, and counts users.
    pub fn for_bytes(size: Option<u64>, output: Output) -> Self {
        let bar = ProgressBar::with_draw_target(size, target(output));
        let template = match size {
            Some(_) => "{bar:30} {percent:>3} %  {msg}, {eta} left",
            None => "{spinner} {msg}, {elapsed}",
        };
        let progress = Self::styled(bar, template, "users");
        progress.count(0);
        progress
    }

    /// Counts what `noun` names, such as `users`.
    pub fn counting(noun: &'static str, output: Output) -> Self {
        let bar = ProgressBar::with_draw_target(None, target(output));
        let progress = Self::styled(bar, "{spinner} {msg}, {elapsed}", noun);
        progress.count(0);
        progress
    }

    /// Shows what the command does, and for how long.
    pub fn working(message: &'static str, output: Output) -> Self {
        let bar = ProgressBar::with_draw_target(None, target(output));
        let progress = Self::styled(bar, "{spinner} {msg}, {elapsed}", "");
        progress.bar.set_message(message);
        progress
    }

    fn styled(bar: ProgressBar, template: &str, noun: &'static str) -> Self {
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, noun }
    }

    /// Shows the number of bytes and users read.
    pub fn bytes(&self, read: u64, users: u64) {
        self.bar.set_position(read);
        self.count(users);
    }

    /// Shows how many are done.
    pub fn count(&self, done: u64) {
        let seconds = self.bar.elapsed().as_secs().max(1);
        let (noun, rate) = (self.noun, done / seconds);
        self.bar.set_message(format!("{done} {noun}, {rate}/s"));
    }
}

impl Drop for ProgressReporter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Where bars are shown: on standard error if it is a terminal, or nowhere if the output is for a program.
fn target(output: Output) -> ProgressDrawTarget {
    match output.json {
        true => ProgressDrawTarget::hidden(),
        // Hides itself if standard error is not a terminal.
        false => ProgressDrawTarget::stderr(),
    }
}
