//! Actions of the model, with small numbers instead of names. An index that is too large wraps around.

use proptest::prelude::*;
use proptest::sample::Index;

/// One call, or a wait. There are few users, addresses and passwords, so that they collide.
#[derive(Debug, Clone)]
pub enum Action {
    SignUp {
        name: Option<usize>,
        email: Option<usize>,
        password: usize,
    },
    /// The same by the form of the page.
    SignUpOnPage {
        name: Option<usize>,
        email: Option<usize>,
        password: usize,
    },
    SignIn {
        identifier: AccountName,
        password: usize,
    },
    SignOut(Index),
    Renew(Index),
    EndSessions(Index),
    ChangePassword {
        session: Index,
        current: usize,
        new: usize,
    },
    ChangePasswordByName {
        identifier: AccountName,
        current: usize,
        new: usize,
    },
    ChangeEmail {
        session: Index,
        email: usize,
        password: usize,
    },
    Delete(Index),
    AskConfirmation(usize),
    AskRecovery(usize),
    LookAt(Index),
    Confirm(Index),
    /// By the button of the page, in a browser with the cookie of this sign-up or without one.
    ConfirmOnPage {
        link: Index,
        cookie: Option<Index>,
    },
    Disown(Index),
    Recover {
        link: Index,
        password: usize,
    },
    /// Uses a link's token for another kind.
    Swap(Index),
    /// An empty body, with a session or without.
    Blank {
        route: usize,
        session: Option<Index>,
    },
    Disable(Index),
    Enable(Index),
    Remove(Index),
    Wait(i64),
}

/// Identifier of an account.
#[derive(Debug, Clone, Copy)]
pub enum AccountName {
    Name(usize),
    Email(usize),
}

fn identifier() -> impl Strategy<Value = AccountName> {
    prop_oneof![
        (0..3_usize).prop_map(AccountName::Name),
        (0..3_usize).prop_map(AccountName::Email)
    ]
}

/// Actions that change much are more frequent.
pub fn action() -> impl Strategy<Value = Action> {
    let few = || 0..3_usize;
    let index = any::<Index>;
    let some = || prop::option::of(0..3_usize);
    let basic = prop_oneof![
        4 => (some(), some(), few()).prop_map(|(name, email, password)| Action::SignUp { name, email, password }),
        4 => (some(), some(), few()).prop_map(|(name, email, password)| Action::SignUpOnPage { name, email, password }),
        8 => (identifier(), few()).prop_map(|(identifier, password)| Action::SignIn { identifier, password }),
        2 => index().prop_map(Action::SignOut),
        2 => index().prop_map(Action::Renew),
        1 => index().prop_map(Action::EndSessions),
        1 => index().prop_map(Action::Delete),
    ];
    let mail = prop_oneof![
        3 => few().prop_map(Action::AskConfirmation),
        4 => few().prop_map(Action::AskRecovery),
        1 => index().prop_map(Action::LookAt),
        4 => index().prop_map(Action::Confirm),
        6 => (index(), prop::option::weighted(0.8, index())).prop_map(|(link, cookie)| Action::ConfirmOnPage { link, cookie }),
        1 => index().prop_map(Action::Disown),
        6 => (index(), few()).prop_map(|(link, password)| Action::Recover { link, password }),
        2 => index().prop_map(Action::Swap),
    ];
    let change = prop_oneof![
        3 => (index(), few(), few()).prop_map(|(session, current, new)| Action::ChangePassword { session, current, new }),
        2 => (identifier(), few(), few()).prop_map(|(identifier, current, new)| Action::ChangePasswordByName { identifier, current, new }),
        4 => (index(), few(), few()).prop_map(|(session, email, password)| Action::ChangeEmail { session, email, password }),
        2 => (0..6_usize, prop::option::of(index())).prop_map(|(route, session)| Action::Blank { route, session }),
    ];
    let admin = prop_oneof![
        2 => index().prop_map(Action::Disable),
        2 => index().prop_map(Action::Enable),
        1 => index().prop_map(Action::Remove),
    ];
    let wait = prop::sample::select(vec![1, 4, 29, 31, 61, 600, 1441]).prop_map(Action::Wait);
    prop_oneof![8 => basic, 8 => mail, 4 => change, 2 => admin, 2 => wait]
}
