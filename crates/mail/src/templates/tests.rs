//! Tests of the built-in templates, and of the folder that replaces some of them.

use std::fs;

use super::*;
use crate::samples;

fn named(name: &str) -> MailBrand {
    MailBrand {
        name: name.to_owned(),
        ..MailBrand::default()
    }
}

fn load() -> Templates {
    Templates::load(&MailBrand::default(), None).unwrap()
}

fn load_with(files: &[(&str, &str)]) -> Result<Templates, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }
    Templates::load(&MailBrand::default(), Some(folder.path())).map_err(|error| error.to_string())
}

fn unescape(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// A file with another name would never be used.
#[test]
fn each_built_in_template_is_the_layout_or_of_a_mail() {
    let templates = MailKind::ALL.iter().map(|kind| kind.template());
    let mut known = vec!["layout.html".to_owned()];
    for name in templates.chain(["mail"]) {
        known.extend(["html", "txt"].map(|extension| format!("{name}.{extension}")));
    }
    for (name, _) in BUILTIN {
        assert!(known.iter().any(|known| known == name), "{name}");
    }
}

/// no built-in template turns escaping off.
#[test]
fn every_template_escapes_its_values() {
    for (name, source) in BUILTIN {
        for word in ["|safe", "| safe", "autoescape"] {
            assert!(!source.contains(word), "{name} contains {word}");
        }
    }
}

#[test]
fn a_time_names_its_month_in_each_language() {
    let templates = load();
    for (at, english, german) in [
        (
            "2026-03-01T07:05:59Z",
            "1 March 2026, 07:05 UTC",
            "1. März 2026 um 07:05 UTC",
        ),
        (
            "2026-12-31T23:59:00Z",
            "31 December 2026, 23:59 UTC",
            "31. Dezember 2026 um 23:59 UTC",
        ),
    ] {
        let at: Timestamp = at.parse().unwrap();
        let text = |locale| templates.date_time(at, locale).unwrap();
        assert_eq!(
            (text(Locale::En), text(Locale::De)),
            (english.to_owned(), german.to_owned())
        );
    }
    let name = |month: u8| {
        let at: Timestamp = format!("2026-{month:02}-15T08:00:00Z").parse().unwrap();
        let text = templates.date_time(at, Locale::De).unwrap();
        text.split(' ').nth(1).map(str::to_owned)
    };
    let names: BTreeSet<_> = (1..=12).map(name).collect();
    assert_eq!(names.len(), 12, "{names:?}");
}

#[test]
fn a_lifetime_has_a_natural_unit_and_is_never_rounded_up() {
    for (minutes, expected) in [
        (-5, ("duration-minutes", 1)),
        (1, ("duration-minutes", 1)),
        (30, ("duration-minutes", 30)),
        (60, ("duration-hours", 1)),
        (90, ("duration-minutes", 90)),
        (179, ("duration-hours", 2)),
        (1440, ("duration-hours", 24)),
        (4320, ("duration-days", 3)),
        (4380, ("duration-hours", 73)),
    ] {
        assert_eq!(lifetime(minutes), expected, "{minutes}");
    }
}

/// W-02: the server itself tries only overrides.
#[test]
fn the_built_in_templates_pass_the_checks_of_overrides() {
    load().try_all().unwrap();
}

#[test]
fn every_mail_has_its_subject_and_its_link() {
    for mail in samples::every_mail() {
        let Rendered {
            subject,
            text,
            html,
        } = load().render(&mail).unwrap();
        let name = format!("{} {}", mail.kind.template(), mail.locale.tag());
        assert!(
            !subject.is_empty() && subject.contains("Doorward"),
            "{name}"
        );
        assert!(
            !subject.contains('\n') && subject.chars().count() <= 78,
            "{name}: {subject}"
        );
        assert_eq!(
            text.matches(samples::URL).count(),
            1,
            "{name}: the text contains the link once"
        );
        assert!(
            text.lines().any(|line| line == samples::URL),
            "{name}: on a line of its own"
        );
        assert_eq!(html.matches("<a ").count(), 1, "{name}: one button");
        let href = format!("href=\"{}\"", samples::URL.replace('&', "&amp;"));
        assert_eq!(html.matches(&href).count(), 1, "{name}");
        assert_eq!(
            unescape(&html).matches(samples::URL).count(),
            2,
            "{name}: as the button and as text"
        );
        assert!(
            html.contains(&format!("<html lang=\"{}\">", mail.locale.tag())),
            "{name}"
        );
        for part in [&text, &html] {
            assert!(part.contains("Ben Müller"), "{name}");
            assert!(part.contains(" November 2026"), "{name}");
            assert!(part.contains(" 08:00 UTC"), "{name}");
            for left_over in ["{{", "}}", "{%", " none", "undefined"] {
                assert!(!part.contains(left_over), "{name} has {left_over}");
            }
        }
        assert!(!text.contains("\n\n\n"), "{name}: {text}");
        for remote in ["<img", "<script", "<link", "<style", "url(", "@import"] {
            assert!(!html.contains(remote), "{name} has {remote}");
        }
    }
}

#[test]
fn a_mail_with_only_a_link_has_no_empty_parts() {
    for locale in Locale::ALL {
        for kind in MailKind::ALL.iter().copied() {
            let Rendered { text, html, .. } = load().render(&sparse_sample(kind, locale)).unwrap();
            for part in [&text, &html] {
                assert!(
                    !part.contains(" ,") && !part.contains("  ") && !part.contains(" ."),
                    "{part}"
                );
            }
            assert!(!text.contains("\n\n\n"), "{text}");
        }
    }
}

/// the recipient can see whether the sign-up is their own.
#[test]
fn a_confirmation_mail_has_name_time_and_expiry() {
    let text = load()
        .render(&samples::mail(MailKind::SignUp, Locale::En))
        .unwrap()
        .text;
    for part in [
        "ben-m",
        "21 November 2026, 08:00 UTC",
        "24 hours",
        "If this wasn't you",
    ] {
        assert!(text.contains(part), "{part}");
    }
    let text = load()
        .render(&samples::mail(MailKind::SignUp, Locale::De))
        .unwrap()
        .text;
    for part in [
        "ben-m",
        "21. November 2026 um 08:00 UTC",
        "24 Stunden",
        "Wenn Sie das nicht waren",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

/// user input is neither markup nor a template.
#[test]
fn hostile_values_are_escaped() {
    for mail in samples::every_mail() {
        let mail = Mail {
            greeting: Some("<a href='x'>{{7*7}}</a>".to_owned()),
            username: Some("{% raw %}<b>\"&".to_owned()),
            new_email: Some("<script>\r\n.\r\n".to_owned()),
            device: Some("<script>\r\nBcc: x@y.z\r\n.\r\n".to_owned()),
            ..mail
        };
        let Rendered { text, html, .. } = load().render(&mail).unwrap();
        assert!(text.contains("<a href='x'>{{7*7}}</a>"));
        assert!(html.contains("&lt;a href=&#39;x&#39;&gt;{{7*7}}&lt;/a&gt;"));
        assert!(!html.contains("49") && !html.contains("<b>") && !html.contains("<script"));
        assert!(!text.lines().any(|line| line == "."));
    }
}

#[test]
fn an_invalid_link_is_not_mailed() {
    let mail = Mail {
        url: "javascript:alert(1)".to_owned(),
        ..samples::mail(MailKind::SignUp, Locale::En)
    };
    let error = load().render(&mail).err().unwrap().to_string();
    assert!(
        error.contains("not an http or https address") && !error.contains("alert"),
        "{error}"
    );
}

#[test]
fn a_file_replaces_the_template_of_the_same_name() {
    let templates = load_with(&[
        (
            "confirm.txt",
            "\u{feff}Subject: Hi from {{ product }}\r\n\r\nGo to\r\n{{ url }}\r\n",
        ),
        (".git/config", "not a template"),
    ])
    .unwrap();
    let rendered = templates
        .render(&samples::mail(MailKind::SignUp, Locale::En))
        .unwrap();
    assert_eq!(rendered.subject, "Hi from Doorward");
    assert_eq!(rendered.text, format!("Go to\n{}\n", samples::URL));
    assert!(rendered.html.contains("Confirm email address"));
}

#[test]
fn a_file_named_after_a_mail_replaces_the_template_of_all_mails_for_it() {
    let templates = load_with(&[
        ("mail.txt", "Subject: About {{ mail }}\n\n{{ url }}\n"),
        ("lockout.txt", "Subject: Locked out\n\n{{ url }}\n"),
    ])
    .unwrap();
    let subject = |kind| {
        let mail = samples::mail(kind, Locale::En);
        templates.render(&mail).unwrap().subject
    };
    assert_eq!(subject(MailKind::Lockout), "Locked out");
    assert_eq!(subject(MailKind::Recovery), "About recover");
}

#[test]
fn a_language_file_replaces_single_messages() {
    let subject = "mail-confirm-subject = Willkommen bei { $product }\n";
    let templates = load_with(&[("de.ftl", subject)]).unwrap();
    let render = |locale| {
        templates
            .render(&samples::mail(MailKind::SignUp, locale))
            .unwrap()
    };
    assert_eq!(render(Locale::De).subject, "Willkommen bei Doorward");
    assert!(render(Locale::De).text.contains("bestätigen"));
    assert_eq!(
        render(Locale::En).subject,
        "Confirm your email address for Doorward"
    );
    assert_eq!(templates.replaced(), 1);
}

/// The messages of one mail can refer to a message of several.
#[test]
fn a_language_file_replaces_a_message_of_several_mails() {
    let templates = load_with(&[("en.ftl", "mail-nothing-to-do = All good.\n")]).unwrap();
    for kind in [MailKind::NewSignIn, MailKind::EmailChanged] {
        let rendered = templates.render(&samples::mail(kind, Locale::En)).unwrap();
        assert!(rendered.text.contains("\n\nAll good.\n\n"));
    }
}

#[test]
fn an_invalid_templates_folder_is_an_error_with_its_place() {
    let good = "Subject: Hi\n\n{{ url }}\n";
    for (files, words) in [
        (
            vec![("confirm.txt", "Subject: Hi\n\n{{ url }}\n{% if %}\n")],
            vec!["confirm.txt, line 4"],
        ),
        (
            vec![("confirm.txt", "Subject: Hi\n\n{{ url }}\n\n{{ usrname }}\n")],
            vec!["confirm.txt, line 5", "undefined"],
        ),
        (
            vec![("recover.txt", "Subject: Hi\n\n{{ url }} {{ username }}\n")],
            vec!["recover.txt, line 3", "{% if %}"],
        ),
        (
            vec![("confirm.txt", "Hi\n\n{{ url }}\n")],
            vec!["confirm.txt", "Subject"],
        ),
        (
            vec![("confirm.txt", "Subject: \n\n{{ url }}\n")],
            vec!["confirm.txt", "Subject"],
        ),
        (
            vec![("confirm.txt", "Subject: Hi\n{{ url }}\n")],
            vec!["confirm.txt", "Subject"],
        ),
        (
            vec![("confirm.txt", "Subject: Hi\n\nno link\n")],
            vec!["confirm.txt", "{{ url }}"],
        ),
        (
            vec![("recover.html", "<p>{{ url }}</p>")],
            vec!["recover.html", "href"],
        ),
        (
            vec![("layout.html", "{{ nothing }}")],
            vec!["layout.html, line 1"],
        ),
        (
            vec![("confirm.html", "{% extends \"other.html\" %}")],
            vec!["confirm.html"],
        ),
        (
            vec![("welcome.txt", good)],
            vec![
                "welcome.txt is not a mail template",
                "confirm.txt",
                "de.ftl",
            ],
        ),
        (
            vec![("en/confirm.txt", good)],
            vec!["en is not a mail template"],
        ),
        (
            vec![("confirm.txt~", good)],
            vec!["confirm.txt~ is not a mail template"],
        ),
        (
            vec![("fr.ftl", "mail-greeting = Bonjour,\n")],
            vec!["fr.ftl is not a mail template"],
        ),
        (
            vec![("en.ftl", "# Mine\nmail-greting = Hi\n")],
            vec![
                "en.ftl, line 2",
                "unknown message mail-greting",
                "mail-greeting",
            ],
        ),
        (
            vec![("en.ftl", "home-hello = Hi\n")],
            vec!["en.ftl, line 1", "unknown message home-hello"],
        ),
        (
            vec![("en.ftl", "mail-greeting = Hi { $greeting\n")],
            vec!["en.ftl, line 1", "Expected"],
        ),
        (
            vec![("en.ftl", "mail-greeting = Hi { $nme },\n")],
            vec!["mail-greeting of en.ftl", "$nme"],
        ),
        (
            vec![("de.ftl", "mail-greeting = Hallo { $greeting },\n")],
            vec!["mail-greeting of de.ftl", "can be missing"],
        ),
    ] {
        let error = load_with(&files)
            .err()
            .unwrap_or_else(|| panic!("{files:?} was taken"));
        for word in words {
            assert!(error.contains(word), "{error}");
        }
    }
    let missing = Templates::load(&MailBrand::default(), Some(Path::new("/nonexistent")))
        .err()
        .unwrap();
    assert!(missing.to_string().contains("/nonexistent"));
}

#[test]
fn the_product_name_is_required_and_escaped() {
    for product in ["", " ", "Door\r\nward"] {
        assert!(
            matches!(
                Templates::load(&named(product), None),
                Err(MailSetupError::Product)
            ),
            "{product:?}"
        );
    }
    let templates = Templates::load(&named("Müller & Söhne"), None).unwrap();
    let rendered = templates
        .render(&samples::mail(MailKind::SignUp, Locale::De))
        .unwrap();
    assert!(rendered.subject.contains("Müller & Söhne"));
    assert!(rendered.html.contains("Müller &amp; Söhne"));
}

#[test]
fn mails_have_the_accent_and_the_logo_of_the_brand() {
    let brand = MailBrand {
        name: "Müller & Söhne".to_owned(),
        accent: Some("#756c1d".to_owned()),
        logo_url: Some("https://id.example.com/assets/logo.png".to_owned()),
        logo_dark_url: Some("https://id.example.com/assets/logo-dark.png".to_owned()),
    };
    let templates = Templates::load(&brand, None).unwrap();
    let mail = samples::mail(MailKind::SignUp, Locale::En);
    let html = templates.render(&mail).unwrap().html;
    assert!(html.contains("background:#756c1d"), "{html}");
    let logo = "<img src=\"https://id.example.com/assets/logo.png\" alt=\"Müller &amp; Söhne\"";
    assert!(html.contains(logo), "{html}");
    let dark = "<source media=\"(prefers-color-scheme: dark)\" srcset=\"https://id.example.com/assets/logo-dark.png\">";
    assert!(html.contains(dark), "{html}");
}
