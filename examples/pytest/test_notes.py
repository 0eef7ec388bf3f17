"""The application's own tests, against the real Doorward."""

from conftest import PASSWORD, call


def test_requests_without_a_valid_token_are_rejected(app):
    assert call("GET", app)[0] == 401
    assert call("GET", app, token="made up")[0] == 401


def test_only_the_author_sees_a_note(app, doorward, person):
    assert call("POST", app, {"text": "buy a lamp"}, person["token"]) == (201, {"number": 1})
    assert call("GET", app, token=person["token"]) == (200, {"notes": ["buy a lamp"]})
    admin = doorward.sign_in(**doorward.admin)
    assert call("GET", app, token=admin) == (200, {"notes": []})


def test_sign_up_to_sign_out(app, doorward):
    address = "ada@example.com"
    account = {"email": address, "password": PASSWORD}
    assert doorward.call("POST", "/user", account)[0] == 201
    # The password is correct, but the address is not confirmed yet.
    assert doorward.call("POST", "/auth", account)[0] == 403

    mail = doorward.mail_to(address)
    assert mail["url"] in mail["text"]
    assert call("POST", mail["url"])[0] == 200

    token = doorward.call("POST", "/auth", account)[1]["token"]
    assert call("GET", app, token=token)[0] == 200
    assert doorward.call("DELETE", "/auth", token=token)[0] == 204
    assert call("GET", app, token=token)[0] == 401


def test_a_lost_password_is_recovered_by_mail(app, doorward):
    address = "grace@example.com"
    doorward.call("POST", "/user", {"email": address, "password": PASSWORD})
    confirmation = doorward.mail_to(address)
    assert call("POST", confirmation["url"])[0] == 200

    doorward.call("POST", "/recovery", {"email": address})
    recovery = doorward.mail_to(address, after=confirmation["id"])
    other = "another walk by the sea"
    assert call("POST", recovery["url"], {"new_password": other})[0] == 204
    status, session = doorward.call("POST", "/auth", {"email": address, "password": other})
    assert status == 201
    assert call("GET", app, token=session["token"])[0] == 200


def test_a_disabled_user_is_rejected_at_once(app, doorward, person):
    assert call("GET", app, token=person["token"])[0] == 200
    admin = doorward.sign_in(**doorward.admin)
    doorward.call("PUT", f"/user/{person['id']}/status", {"status": "disabled"}, admin)
    assert call("GET", app, token=person["token"])[0] == 401
