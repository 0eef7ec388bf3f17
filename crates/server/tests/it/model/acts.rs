//! Acts of the model, with small numbers instead of names. An index that is too large wraps around.

use proptest::prelude::*;
use proptest::sample::Index;

/// One call, or a wait. There are few users, addresses and passwords, so that they collide.
#[derive(Debug, Clone)]
pub enum Act {
    SignUp {
        name: Option<usize>,
        email: Option<usize>,
        password: usize,
    },
    SignIn {
        who: Who,
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
        who: Who,
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
pub enum Who {
    Name(usize),
    Email(usize),
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        (0..3_usize).prop_map(Who::Name),
        (0..3_usize).prop_map(Who::Email)
    ]
}

/// Acts that change much are more frequent.
pub fn act() -> impl Strategy<Value = Act> {
    let few = || 0..3_usize;
    let index = any::<Index>;
    let some = || prop::option::of(0..3_usize);
    let basic = prop_oneof![
        6 => (some(), some(), few()).prop_map(|(name, email, password)| Act::SignUp { name, email, password }),
        8 => (who(), few()).prop_map(|(who, password)| Act::SignIn { who, password }),
        2 => index().prop_map(Act::SignOut),
        2 => index().prop_map(Act::Renew),
        1 => index().prop_map(Act::EndSessions),
        1 => index().prop_map(Act::Delete),
    ];
    let mail = prop_oneof![
        3 => few().prop_map(Act::AskConfirmation),
        4 => few().prop_map(Act::AskRecovery),
        1 => index().prop_map(Act::LookAt),
        8 => index().prop_map(Act::Confirm),
        1 => index().prop_map(Act::Disown),
        6 => (index(), few()).prop_map(|(link, password)| Act::Recover { link, password }),
        2 => index().prop_map(Act::Swap),
    ];
    let change = prop_oneof![
        3 => (index(), few(), few()).prop_map(|(session, current, new)| Act::ChangePassword { session, current, new }),
        2 => (who(), few(), few()).prop_map(|(who, current, new)| Act::ChangePasswordByName { who, current, new }),
        4 => (index(), few(), few()).prop_map(|(session, email, password)| Act::ChangeEmail { session, email, password }),
        2 => (0..6_usize, prop::option::of(index())).prop_map(|(route, session)| Act::Blank { route, session }),
    ];
    let admin = prop_oneof![
        2 => index().prop_map(Act::Disable),
        2 => index().prop_map(Act::Enable),
        1 => index().prop_map(Act::Remove),
    ];
    let wait = prop::sample::select(vec![1, 4, 29, 31, 61, 600, 1441]).prop_map(Act::Wait);
    prop_oneof![8 => basic, 8 => mail, 4 => change, 2 => admin, 2 => wait]
}
