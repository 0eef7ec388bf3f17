"""Hooks of schemathesis: the role of the client, and rejections that a schema cannot express.

`FUZZ_AS` is `anonymous`, `user` or `admin`. The fuzzer signs out, deletes its user and changes its password. When
its token is rejected, it signs in again, with a new user if necessary.
"""

import itertools
import os
import random
import re
import time

import requests
import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.generation.meta import TestPhase

ROLE = os.environ["FUZZ_AS"]
SERVER = os.environ["FUZZ_SERVER"]
PASSWORD = "a long walk by the sea"

# Fields and codes of 422 that depend on more than the schema: lists of common passwords, Unicode rules of names,
# rules of addresses beyond `format: email`, the size and the numbers of `data`, the order of two times, the session, the
# status of the user.
BEYOND_SCHEMAS = {
    "password": {"missing", "breached", "common", "too-personal", "too-short", "too-long", "invalid"},
    "new_password": {"breached", "common", "too-personal", "too-short", "too-long", "invalid"},
    "current_password": {"too-long"},
    "username": {"invalid", "look-alike", "reserved", "missing", "unknown"},
    "email": {"invalid", "too-long", "unknown", "unchanged", "account-disabled", "missing"},
    "to": {"invalid", "too-long", "out-of-range"},
    "name": {"invalid", "too-short"},
    "data": {"invalid", "out-of-range", "too-long", "too-deep", "wrong-type"},
    "address": {"invalid"},
    "since": {"invalid"},
    "until": {"invalid", "empty-range"},
    "created_since": {"invalid"},
    "created_until": {"invalid", "empty-range"},
    "signed_in_since": {"invalid"},
    "not_signed_in_since": {"invalid", "empty-range"},
    "from": {"invalid", "too-long"},
    "status": {"unconfirmed"},
}

# Each code of docs/ERRORS.md with its status, as a house rule asserts. These are expected; `overloaded`, because the fuzzer
# sends passwords as fast as it can.
EXPECTED = {
    "malformed-request": 400,
    "invalid-credentials": 401,
    "authentication-required": 401,
    "invalid-token": 401,
    "invalid-code": 401,
    "reauthentication-required": 401,
    "email-unconfirmed": 403,
    "account-disabled": 403,
    "deletion-pending": 403,
    "forbidden": 403,
    "cross-site-request": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "request-timeout": 408,
    "username-taken": 409,
    "email-taken": 409,
    "last-admin": 409,
    "link-expired": 410,
    "challenge-expired": 410,
    "precondition-failed": 412,
    "body-too-large": 413,
    "uri-too-long": 414,
    "unsupported-media-type": 415,
    "validation-failed": 422,
    "headers-too-large": 431,
    "overloaded": 503,
}

# A finding, since nothing here stops the server or its store, and its settings cause none of these.
UNEXPECTED = {
    "wrong-password": 401,
    "https-required": 403,
    "sign-up-closed": 403,
    "invitation-required": 403,
    "unknown-account": 404,
    "precondition-required": 428,
    "too-many-attempts": 429,
    "internal-error": 500,
    "stopping": 503,
    "store-unavailable": 503,
    "outcome-unknown": 503,
}

names = itertools.count()
turns = itertools.count()


def post(path, body):
    """Repeats the request while the server is overloaded: hashing has a low priority, and builds may run as well."""
    for _ in range(20):
        answer = requests.post(f"{SERVER}{path}", json=body, timeout=60)
        if answer.status_code != 503:
            break
        time.sleep(1)
    return answer


def sign_in(username):
    return post("/auth", {"username": username, "password": PASSWORD})


def sign_up(username):
    post("/user", {"username": username, "password": PASSWORD}).raise_for_status()


def make_admins(token, count):
    """Creates more admins: the fuzzer demotes, disables and locks out its own."""
    for _ in range(count):
        name = f"deputy-{next(names)}"
        sign_up(name)
        bearer = {"Authorization": f"Bearer {token}"}
        requests.put(f"{SERVER}/user/{name}/role", json={"role": "admin"}, headers=bearer, timeout=60).raise_for_status()
        yield name


if ROLE == "user":

    @schemathesis.auth()
    class SignedIn:
        username = None

        def get(self, case, context):
            answer = sign_in(self.username) if self.username else None
            while answer is None or answer.status_code != 201:
                self.username = f"fuzz-{os.getpid()}-{next(names)}"
                sign_up(self.username)
                answer = sign_in(self.username)
            return answer.json()["token"]

        def set(self, case, data, context):
            case.headers["Authorization"] = f"Bearer {data}"


if ROLE == "admin":

    @schemathesis.auth()
    class SignedIn:
        admins = ["admin"]

        def get(self, case, context):
            """Signs in as the first user who is still an admin, and creates more while few are left."""
            while True:
                answer = sign_in(self.admins[0])
                if answer.status_code == 201 and answer.json()["user"]["role"] == "admin":
                    break
                self.admins.pop(0)
            token = answer.json()["token"]
            if len(self.admins) < 4:
                self.admins.extend(make_admins(token, 8))
            return token

        def set(self, case, data, context):
            case.headers["Authorization"] = f"Bearer {data}"


def somebody(case):
    """The user of a request: the client itself, or another one, so that an admin stays an admin."""
    gone = case.method == "DELETE" and case.path == "/user/{user}"
    if ROLE != "admin" or not (gone or case.path.endswith(("/role", "/status"))):
        return "me"
    name = f"victim-{next(names)}"
    sign_up(name)
    return name


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every second request names an existing user and token, which random text would not."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.path == "/inbox.json":
        # Waiting for mail that is not sent would take the time of the other requests.
        (case.query or {}).pop("wait", None)
    if case.meta.phase.name == TestPhase.STATEFUL or next(turns) % 2:
        return
    if "user" in case.path_parameters:
        case.path_parameters["user"] = somebody(case)
    if "token" in case.path_parameters:
        kind = case.path.split("/")[1]
        links = re.findall(f"/{kind}/([A-Za-z0-9_-]{{43}})", requests.get(f"{SERVER}/inbox", timeout=60).text)
        if links:
            case.path_parameters["token"] = random.choice(links)


@schemathesis.check
def good_data_is_taken(ctx: CheckContext, response, case):
    """Like `positive_data_acceptance`, but checks which field was rejected and why."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 406, 413, 415, 422):
        return
    problem = response.json()
    if problem["code"] == "malformed-request" and "two credentials" in problem["detail"]:
        return
    refused = problem.get("errors", [{"field": "", "code": problem["code"]}])
    wrong = [fault for fault in refused if fault["code"] not in BEYOND_SCHEMAS.get(fault["field"], ())]
    if wrong:
        raise AssertionError(f"data that matches the schema was rejected: {wrong}")


@schemathesis.check
def refusals_are_problems(ctx: CheckContext, response, case):
    """Every error is an expected problem, and its body has the status of the response."""
    if response.status_code < 400 or case.method == "HEAD":
        return
    kind = response.headers.get("content-type", ["none"])[0]
    if kind != "application/problem+json":
        raise AssertionError(f"{response.status_code} has the media type {kind}")
    problem = response.json()
    if problem["status"] != response.status_code:
        raise AssertionError("the body has another status")
    if EXPECTED.get(problem["code"]) != response.status_code:
        raise AssertionError(f"{response.status_code} {problem['code']} is not expected")
