//! The examples of proxies and the pages that list paths name those of the route table.

use std::collections::BTreeSet;

use doorward_web::routes::TABLE;

/// The text of a file of the repository.
fn text(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// The first words of the paths that a proxy forwards with everything below them.
fn first_words() -> BTreeSet<&'static str> {
    let words = TABLE
        .iter()
        .filter_map(|route| route.path.split('/').nth(1));
    // Single files, which the examples list apart, and the health checks, which they do not forward.
    let is_folder = |word: &&str| !word.contains('.') && !["", "healthz", "readyz"].contains(word);
    words.filter(is_folder).collect()
}

#[test]
fn the_proxy_examples_forward_every_path_of_the_route_table() {
    for example in [
        "examples/nginx/site.conf",
        "examples/caddy/Caddyfile",
        "examples/traefik/site.yml",
    ] {
        let text = text(example);
        let (_, list) = text.split_once("(auth|").unwrap();
        let (list, _) = list.split_once(')').unwrap();
        let listed: BTreeSet<_> = list.split('|').chain(["auth"]).collect();
        assert_eq!(listed, first_words(), "{example}");
    }
}

#[test]
fn the_pages_about_browsers_and_apps_list_every_path_of_a_mailed_link() {
    let links = TABLE
        .iter()
        .filter_map(|route| route.path.strip_suffix("/{token}"));
    let links: BTreeSet<_> = links.collect();
    assert!(links.contains("/factor-undo"));
    for page in ["docs/integrate/browser-app.md", "docs/integrate/mobile.md"] {
        let text = text(page);
        for link in &links {
            let is_listed = [format!("`{link}`"), format!("`{link}/*`")];
            assert!(
                is_listed.iter().any(|one| text.contains(one)),
                "{page}: {link}"
            );
        }
    }
}
