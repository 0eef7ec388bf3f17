"""The application's own tests, against the real Doorward."""

from conftest import PASSWORD, call


def test_nobody_is_sent_away(app):
    assert call("GET", app)[0] == 401
    assert call("GET", app, token="made up")[0] == 401


def test_notes_are_seen_by_whoever_wrote_them(app, doorward, person):
    assert call("POST", app, {"text": "buy a lamp"}, person["token"]) == (201, {"number": 1})
    assert call("GET", app, token=person["token"]) == (200, {"notes": ["buy a lamp"]})
    admin = doorward.sign_in(**doorward.admin)
    assert call("GET", app, token=admin) == (200, {"notes": []})


def test_a_whole_life(app, doorward):
    address = "ada@example.com"
    new = {"username": "ada", "email": address, "password": PASSWORD}
    assert doorward.call("POST", "/user", new)[0] == 201
    # The password is right, but the address is nobody's yet.
    assert doorward.call("POST", "/auth", {"username": "ada", "password": PASSWORD})[0] == 403

    mail = doorward.mail_to(address)
    assert mail["url"] in mail["text"]
    assert call("POST", mail["url"])[0] == 200

    token = doorward.sign_in("ada")
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


def test_whoever_is_disabled_is_out_at_once(app, doorward, person):
    assert call("GET", app, token=person["token"])[0] == 200
    admin = doorward.sign_in(**doorward.admin)
    doorward.call("PUT", f"/user/{person['id']}/status", {"status": "disabled"}, admin)
    assert call("GET", app, token=person["token"])[0] == 401
