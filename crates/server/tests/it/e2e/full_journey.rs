//! A complete journey over the network: HTTP in, SMTP out.

use serde_json::json;

use super::{MailSink, Setup};
use crate::support::{OTHER_PASSWORD, PASSWORD};

#[test]
fn a_user_signs_up_confirms_uses_and_deletes_the_account() {
    let sink = MailSink::start();
    let server = Setup::new().with("SMTP_URL", &sink.url()).start();
    let greeting = server.get("/").expect(200).json();
    assert_eq!(greeting["message"], "Hello World");
    assert_eq!(greeting.get("username"), None);

    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD, "name": "Bén Müller", "data": {"phone": "030"}});
    let user = server.post("/user", body).expect(201);
    assert!(
        user.header("location")
            .unwrap()
            .starts_with(&server.url("/user/"))
    );
    assert_eq!(user.json()["status"], "active");
    server
        .post(
            "/auth",
            json!({"email": "ben@example.com", "password": PASSWORD}),
        )
        .expect(403);
    let mail = sink.next_mail();
    assert_eq!(mail.to(), "ben@example.com");
    let link = mail.link(&server.url("/confirmation/"));
    let path = link.strip_prefix(&server.url("")).unwrap();
    let page = browse(&server, "GET", path, None, "").expect(200).body;
    assert!(
        page.contains("ben@example.com") && page.contains(&format!("action=\"{path}\"")),
        "{page}"
    );
    let page = browse(&server, "POST", path, None, "").expect(200).body;
    assert!(page.contains("Email address confirmed"), "{page}");

    let form = "email=ben%40example.com&password=plum+cake+on+sundays";
    let signed_in = browse(&server, "POST", "/auth", None, form).expect(303);
    let cookie = signed_in
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let home = browse(&server, "GET", "/", Some(&cookie), "")
        .expect(200)
        .body;
    assert!(home.contains("Bén Müller"), "{home}");

    let token = server.sign_in("ben", PASSWORD);
    let me = server
        .send("GET", "/user/me", Some(&token), None)
        .expect(200);
    assert_eq!(me.json()["data"]["phone"], "030");
    let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    server
        .send("PUT", "/password", Some(&token), Some(change))
        .expect(204);
    assert_eq!(sink.next_mail().to(), "ben@example.com");
    let edit = json!({"name": null, "data": {"phone": null, "city": "Ulm"}});
    let edited = server
        .send("PATCH", "/user/me", Some(&token), Some(edit))
        .expect(200)
        .json();
    assert_eq!(
        (&edited["name"], &edited["data"]),
        (&json!(null), &json!({"city": "Ulm"}))
    );

    server
        .post("/recovery", json!({"email": "ben@example.com"}))
        .expect(202);
    let mail = sink.next_mail();
    let link = mail.link("/recovery/");
    let form = "new_password=plum+cake+on+sundays";
    let set = browse(&server, "POST", &link, None, form).expect(200).body;
    assert!(set.contains("Password changed"), "{set}");
    assert_eq!(sink.next_mail().to(), "ben@example.com");
    server.send("GET", "/auth", Some(&token), None).expect(401);

    let token = server.sign_in("ben", PASSWORD);
    server
        .send("DELETE", "/auth", Some(&token), None)
        .expect(204);
    server.send("GET", "/auth", Some(&token), None).expect(401);
    let token = server.sign_in("ben", PASSWORD);
    server
        .send("DELETE", "/user/me", Some(&token), None)
        .expect(204);
    server
        .post("/auth", json!({"username": "ben", "password": PASSWORD}))
        .expect(401);
    server.stop();
}

/// Sends a request like a browser.
fn browse(
    server: &super::Server,
    method: &str,
    path: &str,
    cookie: Option<&str>,
    form: &str,
) -> super::http::Reply {
    let mut fields = vec![
        "Accept: text/html,*/*;q=0.8".to_owned(),
        format!("Origin: {}", server.url("")),
        "Content-Type: application/x-www-form-urlencoded".to_owned(),
    ];
    fields.extend(cookie.map(|cookie| format!("Cookie: {cookie}")));
    let request = super::http::request(method, path, &fields, form);
    super::http::exchange(server.address(), request.as_bytes()).unwrap()
}
