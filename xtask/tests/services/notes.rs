//! The examples with an application: each user has their own notes.

use doorward_testkit::servers::Doorward;
use serde_json::json;

use crate::account::Account;
use crate::http::{get, send};
use crate::service::{Example, Service};

#[test]
fn each_user_reads_and_deletes_only_their_own_notes() {
    let doorward = Doorward::start(&[]);
    let (ann, ben) = (
        Account::user(&doorward, "ann"),
        Account::user(&doorward, "ben"),
    );
    for (example, ann, ben) in [
        (Example::FastApi, &ann.session, &ben.session),
        (Example::Axum, &ann.token(), &ben.token()),
    ] {
        let service = Service::start(example, doorward.url());
        let notes = format!("{}/notes", service.url);
        get(&notes, None).expect(401);
        let note = json!({"text": "buy milk"});
        let added = send("POST", &notes, Some(ann), Some(&note)).expect(201);
        let one = format!("{notes}/{}", added.json()["id"]);
        assert_eq!(
            get(&notes, Some(ann)).expect(200).json(),
            json!([added.json()])
        );
        assert_eq!(
            get(&notes, Some(ben)).expect(200).json(),
            json!([]),
            "{example:?}"
        );
        send("DELETE", &one, Some(ben), None).expect(404);
        send("DELETE", &one, Some(ann), None).expect(204);
        assert_eq!(
            get(&notes, Some(ann)).expect(200).json(),
            json!([]),
            "{example:?}"
        );
        send("POST", &notes, Some(ann), Some(&json!({"title": "x"}))).expect(422);
    }
}
