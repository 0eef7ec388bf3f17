//! What one request has used of its budgets, for whoever answers it.

use std::sync::{Arc, Mutex, PoisonError};

use super::limits::Door;
use crate::ports::{Allowance, Budget};

/// Notes of one request. A clone writes on the same page.
///
/// What a client is told is what it alone has used (its address, or its device), and whatever refused
/// it: how full a mailbox or a network is besides is nobody's business.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Page>>);

#[derive(Debug, Default)]
struct Page {
    passed: Vec<Door>,
    told: Vec<(Budget, Allowance)>,
}

impl Ledger {
    /// Whether the budgets of strangers at that door were taken from.
    pub fn has_passed(&self, door: Door) -> bool {
        self.page(|page| page.passed.contains(&door))
    }

    /// They were.
    pub(crate) fn pass(&self, door: Door) {
        self.page(|page| page.passed.push(door));
    }

    /// The client may know of this.
    pub(crate) fn tell(&self, budget: Budget, allowance: Allowance) {
        self.page(|page| {
            page.told.retain(|(told, _)| told.name != budget.name);
            page.told.push((budget, allowance));
        });
    }

    /// What the client is told, in the order of taking.
    pub fn told(&self) -> Vec<(Budget, Allowance)> {
        self.page(|page| page.told.clone())
    }

    fn page<T>(&self, with: impl FnOnce(&mut Page) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
