//! The domains whose addresses may be used.

use std::fmt;
use std::str::FromStr;

use super::{EmailAddress, Invalid};

/// A list of domains. The empty list, the default, allows every address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmailDomains(Vec<AllowedDomain>);

/// A domain in the form of [`EmailAddress::key`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowedDomain {
    name: String,
    with_subdomains: bool,
}

impl EmailDomains {
    /// Returns `true` if every address is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The domains in canonical form (lower case, A-labels); one that begins with a dot includes its subdomains.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Fails with `domain-not-allowed` if the address is at another domain.
    pub fn check(&self, email: &EmailAddress) -> Result<(), Invalid> {
        let domain = email.domain_key();
        if self.is_empty() || self.0.iter().any(|allowed| allowed.includes(domain)) {
            return Ok(());
        }
        Err(Invalid::new(
            "domain-not-allowed",
            format!("Use an email address at one of these domains: {self}."),
        ))
    }
}

impl AllowedDomain {
    fn includes(&self, domain: &str) -> bool {
        match domain.strip_suffix(&self.name) {
            Some("") => true,
            Some(before) => self.with_subdomains && before.ends_with('.'),
            None => false,
        }
    }
}

/// Parses a list separated by commas: `example.com`, or `.example.com` with its subdomains.
impl FromStr for EmailDomains {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim);
        let domains = names.filter(|name| !name.is_empty()).map(parse_domain);
        domains.collect::<Result<_, _>>().map(Self)
    }
}

fn parse_domain(text: &str) -> Result<AllowedDomain, String> {
    let name = text.strip_prefix('.').unwrap_or(text);
    let address = EmailAddress::parse(&format!("any@{name}")).map_err(|_| {
        format!(
            "`{text}` is not a domain. Write example.com, or .example.com to include its subdomains"
        )
    })?;
    Ok(AllowedDomain {
        name: address.domain_key().to_owned(),
        with_subdomains: text.starts_with('.'),
    })
}

impl fmt::Display for AllowedDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.with_subdomains { "." } else { "" };
        write!(f, "{dot}{}", self.name)
    }
}

impl fmt::Display for EmailDomains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(domains: &str, email: &str) -> bool {
        let domains: EmailDomains = domains.parse().unwrap();
        domains.check(&EmailAddress::parse(email).unwrap()).is_ok()
    }

    #[test]
    fn a_domain_includes_subdomains_only_with_a_dot() {
        for (domains, email, expected) in [
            ("", "ben@anywhere.example", true),
            ("example.com", "ben@Example.COM", true),
            ("example.com", "ben@mail.example.com", false),
            ("example.com", "ben@badexample.com", false),
            (".example.org", "ben@example.org", true),
            (".example.org", "ben@a.b.example.org", true),
            (".example.org", "ben@badexample.org", false),
            ("example.com, .example.org", "ben@mail.example.org", true),
            ("example.com, .example.org", "ben@example.net", false),
            ("bücher.example", "ben@xn--bcher-kva.example", true),
        ] {
            assert_eq!(allows(domains, email), expected, "{email} in `{domains}`");
        }
    }

    #[test]
    fn a_list_is_shown_in_canonical_form() {
        let domains: EmailDomains = " Example.com ,.example.org,".parse().unwrap();
        assert_eq!(domains.to_string(), "example.com, .example.org");
    }

    #[test]
    fn the_error_names_the_invalid_domain() {
        for text in [
            "*.example.com",
            "ben@example.com",
            "localhost",
            "..a.example",
        ] {
            let error = text.parse::<EmailDomains>().unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }
}
