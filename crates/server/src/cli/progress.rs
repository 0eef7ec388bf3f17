//! Progress on a terminal: a bar if the size is known, else a count. Nothing with `--json` or without a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar.
pub struct ProgressReporter(ProgressBar);

impl ProgressReporter {
    /// Measures bytes of `size`, if that is known.
    pub fn for_bytes(size: Option<u64>, mode: ProgressMode) -> Self {
        let bar = ProgressBar::with_draw_target(size, mode.target());
        let template = match size {
            Some(_) => "{bar:30} {percent:>3} %  {msg}, {eta} left",
            None => "{spinner} {msg}, {elapsed}",
        };
        Self::styled(bar, template)
    }

    /// Counts users.
    pub fn for_users(mode: ProgressMode) -> Self {
        let bar = ProgressBar::with_draw_target(None, mode.target());
        Self::styled(bar, "{spinner} {msg}, {elapsed}")
    }

    fn styled(bar: ProgressBar, template: &str) -> Self {
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        bar.set_style(style);
        let progress = Self(bar);
        progress.users(0);
        progress.0.enable_steady_tick(Duration::from_millis(200));
        progress
    }

    /// Shows the number of bytes and users read.
    pub fn bytes(&self, read: u64, users: u64) {
        self.0.set_position(read);
        self.users(users);
    }

    /// Shows the number of users done.
    pub fn users(&self, users: u64) {
        let seconds = self.0.elapsed().as_secs().max(1);
        let rate = users / seconds;
        self.0.set_message(format!("{users} users, {rate}/s"));
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// Where progress is shown.
#[derive(Debug, Clone, Copy)]
pub enum ProgressMode {
    /// On standard error, if it is a terminal.
    Terminal,
    /// Nowhere: the output is for a program.
    Hidden,
}

impl ProgressMode {
    /// Terminal of the bar, if any.
    pub fn target(self) -> ProgressDrawTarget {
        match self {
            // Hides itself if standard error is not a terminal.
            Self::Terminal => ProgressDrawTarget::stderr(),
            Self::Hidden => ProgressDrawTarget::hidden(),
        }
    }
}
