//! Pages for developers: the API reference and the explanations of problems.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Html;
use doorward_domain::values::Locale;
use minijinja::{Value, context};

use crate::app::App;
use crate::html::Pages;
use crate::http::problem::{Code, Problem};
use crate::reference::documents;

/// The API reference.
pub(crate) async fn docs(State(app): State<App>) -> Html<Bytes> {
    Html(documents::get(&app).docs.clone())
}

/// The page with all problems.
pub(crate) async fn problems(State(app): State<App>) -> Html<String> {
    page(&app.pages, Code::ALL)
}

/// The page of one problem, which `type` links to.
pub(crate) async fn problem(
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<Html<String>, Problem> {
    let code = Code::ALL.iter().find(|known| known.as_str() == code);
    let code = code.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(page(&app.pages, &[*code]))
}

/// The page that explains these problems.
fn page(pages: &Pages, codes: &[Code]) -> Html<String> {
    let codes: Vec<Value> = codes
        .iter()
        .map(|code| context! { name => code.as_str(), status => code.status().as_u16(), title => code.title(), help => code.help() })
        .collect();
    pages.render(Locale::En, "reference/problems", context! { codes })
}
