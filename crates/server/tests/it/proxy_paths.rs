//! The paths in the examples of proxies and in the guides are those of the route table.

use std::collections::BTreeSet;
use std::path::Path;

use doorward_web::routes::table;

/// Paths that no proxy forwards: the start page and other names that belong to the site, such as `admin`, and the health
/// checks.
const NOT_FORWARDED: [&str; 11] = [
    "",
    "admin",
    "healthz",
    "readyz",
    "robots.txt",
    "favicon.ico",
    "login",
    "signup",
    "register",
    "profile",
    "settings",
];
/// First words of paths that a browser application does not use.
const NOT_FOR_APPLICATIONS: [&str; 8] = [
    "audit",
    "docs",
    "inbox",
    "node",
    "outbox",
    "problems",
    "signing-key",
    "totals",
];

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The first words of all paths with a folder of their own, such as `user`.
fn words() -> BTreeSet<&'static str> {
    let paths = table().map(|route| &route.path[1..]);
    let words = paths.map(|path| path.split('/').next().unwrap());
    let is_forwarded = |word: &&str| !word.contains('.') && !NOT_FORWARDED.contains(word);
    words.filter(is_forwarded).collect()
}

/// The paths of files, such as `openapi.json`, and those below `.well-known`.
fn files() -> BTreeSet<&'static str> {
    let paths = table().map(|route| &route.path[1..]);
    let files = paths.filter(|path| path.contains('.') && !NOT_FORWARDED.contains(path));
    files.collect()
}

/// The text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let found = text
        .split_once(before)
        .and_then(|(_, rest)| rest.split_once(after));
    found.unwrap_or_else(|| panic!("no {before} … {after}")).0
}

/// The words in backticks that begin with a slash, without it.
fn quoted_paths(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.strip_prefix('/')).collect()
}

#[test]
fn the_example_proxies_forward_the_paths_of_the_route_table() {
    for example in [
        "examples/nginx/site.conf",
        "examples/caddy/Caddyfile",
        "examples/traefik/site.yml",
    ] {
        // A literal dot of a pattern.
        let text = file(example).replace("\\.", ".").replace("[.]", ".");
        let forwarded = format!("auth|{}", between(&text, "(auth|", ")"));
        assert_eq!(
            forwarded.split('|').collect::<BTreeSet<_>>(),
            words(),
            "{example}"
        );
        let alternatives = format!("openapi.json|{}", between(&text, "openapi.json|", "))"));
        let (plain, well_known) = alternatives.split_once("|.well-known/(").unwrap();
        let well_known = well_known
            .split('|')
            .map(|name| format!(".well-known/{name}"));
        let forwarded = plain.split('|').map(str::to_owned).chain(well_known);
        let forwarded: BTreeSet<_> = forwarded.collect();
        assert_eq!(
            forwarded,
            files().into_iter().map(str::to_owned).collect(),
            "{example}"
        );
    }
}

#[test]
fn the_guide_for_browser_applications_and_the_react_example_list_the_paths_that_they_use() {
    let guide = file("docs/integrate/browser-app.md");
    let listed = quoted_paths(between(&guide, "`server.proxy` with", " to `http"));
    let mut expected = words();
    expected.retain(|word| !NOT_FOR_APPLICATIONS.contains(word));
    assert_eq!(listed, expected);
    let example = file("examples/react/vite.config.js");
    let listed = between(&example, "const paths = [", "];").split('"');
    let listed: BTreeSet<_> = listed.filter_map(|text| text.strip_prefix('/')).collect();
    assert_eq!(listed, expected, "the React example");
}

#[test]
fn the_guide_for_mobile_applications_lists_the_paths_of_mailed_links() {
    let guide = file("docs/integrate/mobile.md");
    let listed = quoted_paths(between(
        &guide,
        "To open links in the app, register",
        "as universal links",
    ));
    let paths = table().map(|route| &route.path[1..]);
    let links = paths.filter_map(|path| path.strip_suffix("/{token}"));
    let links: BTreeSet<_> = links.map(|word| format!("{word}/*")).collect();
    assert_eq!(listed, links.iter().map(String::as_str).collect());
}

/// The guide for proxies lists some of them.
#[test]
fn the_guide_for_proxies_names_only_paths_of_the_route_table() {
    let guide = file("docs/integrate/proxy.md");
    let listed = quoted_paths(between(&guide, "The examples list Doorward's paths", ")"));
    assert!(listed.is_subset(&words()), "{listed:?}");
}
