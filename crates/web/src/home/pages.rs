//! The start page for browsers, the choice of the language, and files that browsers and search engines ask for by name.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Invalid, LanguageTag, Locale};

use crate::app::App;
use crate::html::return_to::ReturnTo;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies;
use crate::http::problem::Problem;
use crate::http::responses::see_other;

/// Lifetime of the cookie of the language, in seconds: 400 days, the most that browsers accept.
const LANGUAGE_SECONDS: i64 = 400 * 24 * 3600;

/// Browsers ask for these files again after a day.
const CACHED: &str = "public, max-age=86400";
/// No page of Doorward belongs in a search engine.
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

/// Redirects to the account page, or to the sign-in page.
pub(crate) async fn start_page(caller: Caller) -> Response {
    see_other(match caller.session() {
        Some(_) => "/account",
        None => "/sign-in",
    })
}

/// Sets the language of pages, and returns to the page. It is stored in a cookie, and in the profile of a signed-in user who
/// has chosen another one there.
pub(crate) async fn choose_language(
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let unknown = || Invalid::new("invalid", "There are no texts in this language.");
    let locale = fields.required("locale", |tag| Locale::from_tag(tag).ok_or_else(unknown));
    let page = ReturnTo::take_page(&mut fields);
    let locale = fields.finish(|| locale)?;
    let stored = caller
        .session()
        .map(|session| session.user().chosen_locale());
    if stored.flatten().is_some_and(|stored| stored != locale) {
        let update = ProfileUpdate::Patch {
            name: None,
            data: None,
            locale: Some(LanguageTag::parse(locale.tag()).ok()),
        };
        let profile = &caller.doorward().profile;
        profile.update(&caller.ctx, "me", &update, None).await?;
    }
    let mut response = see_other(page.as_ref().map_or("/", ReturnTo::as_str));
    let headers = response.headers_mut();
    cookies::set(
        headers,
        cookies::LANGUAGE_COOKIE,
        locale.tag(),
        LANGUAGE_SECONDS,
    );
    Ok(response)
}

/// The rules for search engines.
pub(crate) async fn robots() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, CACHED),
    ];
    (headers, ROBOTS).into_response()
}

/// The icon for browsers that ask for it by name, such as for a JSON response. A brand has its own, or none.
pub(crate) async fn favicon(State(app): State<App>) -> Response {
    if let Some(icon) = app.brand.icon() {
        return see_other(&icon);
    }
    if app.brand.has_name() {
        // A browser reports a 404 in its console.
        return (StatusCode::NO_CONTENT, [(CACHE_CONTROL, CACHED)]).into_response();
    }
    let headers = [(CONTENT_TYPE, "image/x-icon"), (CACHE_CONTROL, CACHED)];
    let icon: &[u8] = include_bytes!("../../icons/favicon.ico");
    (headers, icon).into_response()
}
