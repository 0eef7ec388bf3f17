//! How far it is, on a terminal: a bar where the size is known, a count where not. Nothing where
//! nobody watches, and nothing beside `--json`.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bar, or nothing.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of so many bytes, where that is known.
    pub fn of_bytes(size: Option<u64>, watched: Watched) -> Self {
        let bar = ProgressBar::with_draw_target(size, watched.target());
        let template = match size {
            Some(_) => "{bar:30} {percent:>3} %  {msg}, {eta} left",
            None => "{spinner} {msg}, {elapsed}",
        };
        Self::styled(bar, template)
    }

    /// Of users, nobody knows how many.
    pub fn of_users(before: u64, watched: Watched) -> Self {
        let bar = ProgressBar::with_draw_target(None, watched.target());
        let bar = Self::styled(bar, "{spinner} {human_pos} users, {per_sec}, {elapsed}");
        bar.0.set_position(before);
        bar.0.reset_eta();
        bar
    }

    fn styled(bar: ProgressBar, template: &str) -> Self {
        let style = ProgressStyle::with_template(template).expect("the template is one of ours");
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// So many bytes were read, with so many users in them.
    pub fn bytes(&self, read: u64, users: u64) {
        self.0.set_position(read);
        let seconds = self.0.elapsed().as_secs().max(1);
        self.0
            .set_message(format!("{users} users, {}/s", users / seconds));
    }

    /// So many users were written.
    pub fn users(&self, users: u64) {
        self.0.set_position(users);
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.0.finish_and_clear();
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
    fn target(self) -> ProgressDrawTarget {
        match self {
            // Hidden by itself where it is no terminal.
            Self::ByPeople => ProgressDrawTarget::stderr(),
            Self::ByProgram => ProgressDrawTarget::hidden(),
        }
    }
}
