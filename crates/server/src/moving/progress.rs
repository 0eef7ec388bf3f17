//! How far it is, on a terminal: a bar where the size is known, a count where not. Nothing where
//! nobody watches, and nothing beside `--json`.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bar, or nothing; and how many users were there before it began.
pub struct Progress {
    bar: ProgressBar,
    before: u64,
}

impl Progress {
    /// Of so many bytes, where that is known.
    pub fn of_bytes(size: Option<u64>, watched: Watched) -> Self {
        let bar = ProgressBar::with_draw_target(size, watched.target());
        let template = match size {
            Some(_) => "{bar:30} {percent:>3} %  {msg}, {eta} left",
            None => "{spinner} {msg}, {elapsed}",
        };
        Self::styled(bar, template, 0)
    }

    /// Of users, nobody knows how many.
    pub fn of_users(before: u64, watched: Watched) -> Self {
        let bar = ProgressBar::with_draw_target(None, watched.target());
        Self::styled(bar, "{spinner} {msg}, {elapsed}", before)
    }

    fn styled(bar: ProgressBar, template: &str, before: u64) -> Self {
        let style = ProgressStyle::with_template(template).expect("the template is one of ours");
        bar.set_style(style);
        let progress = Self { bar, before };
        progress.users(before);
        progress.bar.enable_steady_tick(Duration::from_millis(200));
        progress
    }

    /// So many bytes were read, with so many users in them.
    pub fn bytes(&self, read: u64, users: u64) {
        self.bar.set_position(read);
        self.users(users);
    }

    /// So many users are done, with those before.
    pub fn users(&self, users: u64) {
        let seconds = self.bar.elapsed().as_secs().max(1);
        let rate = users.saturating_sub(self.before) / seconds;
        self.bar.set_message(format!("{users} users, {rate}/s"));
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// Whether somebody looks.
#[derive(Debug, Clone, Copy)]
pub enum Watched {
    /// A person, if standard error is a terminal.
    ByPeople,
    /// A program.
    ByProgram,
}

impl Watched {
    /// Where a bar is drawn.
    pub fn target(self) -> ProgressDrawTarget {
        match self {
            // Hidden by itself where it is no terminal.
            Self::ByPeople => ProgressDrawTarget::stderr(),
            Self::ByProgram => ProgressDrawTarget::hidden(),
        }
    }
}
