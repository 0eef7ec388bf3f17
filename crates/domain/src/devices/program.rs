//! The program of a client, by its user agent.

/// Programs by a part of their user agent, specific ones before common ones.
const PROGRAMS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
];
/// Maximum length of the name of an unlisted program in a mail.
const MAX_PROGRAM: usize = 32;

/// The program of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientProgram {
    /// Its name, without a version.
    pub name: Option<String>,
    /// The system that it runs on.
    pub system: Option<&'static str>,
}

impl ClientProgram {
    /// Reads a user agent. The name of an unlisted program is cut to plain characters, so that an unknown client cannot
    /// advertise in a mail.
    pub fn of(user_agent: Option<&str>) -> Self {
        let Some(text) = user_agent else {
            return Self::default();
        };
        let word = |list: &[(&str, &'static str)]| {
            let found = list.iter().find(|(part, _)| text.contains(part));
            found.map(|(_, name)| *name)
        };
        let own = || -> String {
            let first = text.split(['/', ' ', '(']).next().unwrap_or_default();
            let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            first.chars().filter(is_plain).take(MAX_PROGRAM).collect()
        };
        let name = word(&PROGRAMS).map_or_else(own, str::to_owned);
        Self {
            name: Some(name).filter(|name| !name.is_empty()),
            system: word(&SYSTEMS),
        }
    }
}

/// Returns the program and system of a user agent as one text, such as `Firefox, Linux`.
pub fn program_of(user_agent: Option<&str>) -> Option<String> {
    let program = ClientProgram::of(user_agent);
    match (program.name, program.system) {
        (Some(name), Some(system)) => Some(format!("{name}, {system}")),
        (name, system) => name.or(system.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_reduced_to_browser_and_system() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox, Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Safari/537.36 Edg/139.0",
                "Edge, Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604",
                "Safari, iPhone",
            ),
            ("python-requests/2.32", "python-requests"),
            ("curl/8.5.0", "curl"),
            ("win.at.evil.example/1 <b>", "winatevilexample"),
        ] {
            assert_eq!(program_of(Some(user_agent)).as_deref(), Some(expected));
        }
        assert_eq!(program_of(Some("")), None);
        assert_eq!(program_of(Some("/\u{202e}(")), None);
    }
}
