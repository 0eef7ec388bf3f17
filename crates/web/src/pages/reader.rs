//! Who reads a page: in which language, and in which browser, so that a form that comes back is known to
//! have been shown to them (W-03).
//!
//! Somebody who is not signed in is told apart by a visit: a random name in a cookie of its own, which
//! opens nothing and never becomes a session (S-02). It is set with the first form that is shown, and is
//! gone when the browser is closed. The page of a mailed link needs none: whoever has the link is known by it.

use std::sync::{Arc, OnceLock};

use axum::http::HeaderValue;
use axum::http::header::{self, HeaderMap};
use doorward_domain::Accounts;
use doorward_domain::tokens::ShownTo;
use doorward_domain::values::Locale;

/// The cookie of a visit.
pub(crate) const VISIT: &str = "__Host-doorward-visit";
/// The field that every form carries.
pub(crate) const FIELD: &str = "form_token";
/// How long the name of a visit is; what is longer is not ours.
const VISIT_LENGTH: usize = 22;

/// A reader of pages.
pub(crate) struct Reader {
    locale: Locale,
    accounts: Arc<Accounts>,
    /// Whom forms are shown to; none is a browser that has yet to be given the name of its visit.
    known: Option<ShownTo>,
    new: OnceLock<ShownTo>,
    /// Made when a form is written.
    token: OnceLock<String>,
}

/// What a page with a form is written on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheet<'r> {
    pub(crate) locale: Locale,
    pub(crate) form_token: &'r str,
}

impl Reader {
    /// The reader behind a request; `page_of` is whose page it is, where that is known without a visit.
    pub(crate) fn of(
        accounts: &Arc<Accounts>,
        headers: &HeaderMap,
        locale: Locale,
        page_of: Option<ShownTo>,
    ) -> Self {
        let visit = || visit(headers).map(ShownTo::Visit);
        Self {
            locale,
            accounts: accounts.clone(),
            known: page_of.or_else(visit),
            new: OnceLock::new(),
            token: OnceLock::new(),
        }
    }

    /// A sheet for a page with a form.
    pub(crate) fn sheet(&self) -> Sheet<'_> {
        let make = || self.accounts.form_token(self.shown_to());
        Sheet {
            locale: self.locale,
            form_token: self.token.get_or_init(make),
        }
    }

    fn shown_to(&self) -> &ShownTo {
        let begin = || ShownTo::Visit(self.accounts.new_visit());
        self.known
            .as_ref()
            .unwrap_or_else(|| self.new.get_or_init(begin))
    }

    /// Whether that form was shown to this reader. To a browser without a visit none was.
    pub(crate) fn was_shown(&self, form_token: &str) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|known| self.accounts.is_form_token(known, form_token))
    }

    /// Whether a visit is all that is known of it: another tab may have begun a new one since a form was
    /// shown, and some browsers keep none.
    pub(crate) fn is_a_visit(&self) -> bool {
        matches!(self.known, None | Some(ShownTo::Visit(_)))
    }

    /// Gives the browser the name of its visit, where a form has been written for it.
    pub(crate) fn remember(&self, headers: &mut HeaderMap) {
        let Some(ShownTo::Visit(name)) = self.new.get() else {
            return;
        };
        let cookie = format!("{VISIT}={name}; Path=/; Secure; HttpOnly; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
}

/// The visit that a browser names; none where it names two, or what is no name of ours.
fn visit(headers: &HeaderMap) -> Option<String> {
    let mut found = cookies(headers, VISIT);
    let name = found.next().filter(|_| found.next().is_none())?;
    let is_ours = name.len() == VISIT_LENGTH
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    is_ours.then(|| name.to_owned())
}

/// Every value of the cookie of that name; empty where it is none of ours. Of the others nothing is read:
/// what a site beside ours has set for the whole domain may be in any letters, or no text at all.
pub(crate) fn cookies<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let fields = headers.get_all(header::COOKIE).iter();
    let pairs = fields.flat_map(|field| field.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        let text = std::str::from_utf8(value.strip_prefix(b"=")?);
        Some(text.ok().filter(|text| text.is_ascii()).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A-08, S-09: nobody is signed out by what another site of the same domain has set.
    #[test]
    fn a_cookie_that_is_no_text_hides_none_of_ours() {
        for (fields, values) in [
            (&[&b"a=b; mine=x"[..]][..], &["x"][..]),
            (&["mine=x; name=Zo\u{eb}".as_bytes()], &["x"]),
            (&[b"name=\xff; mine=x"], &["x"]),
            (&[b"\xff=\xfe;mine=x;\xff"], &["x"]),
            (&[b"name=\xff", b"mine=x"], &["x"]),
            (&[b" mine=x=y "], &["x=y"]),
            // Two are two, whatever is in them.
            (&[b"mine=x; mine=\xff"], &["x", ""]),
            (&[b"mine=\xc3\xab"], &[""]),
            (&[b"mine", b"mines=x; xmine=y; =mine; Mine=z"], &[]),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::COOKIE, HeaderValue::from_bytes(field).unwrap());
            }
            let found: Vec<_> = cookies(&headers, "mine").collect();
            assert_eq!(found, values, "{fields:?}");
        }
    }
}
