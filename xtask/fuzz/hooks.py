"""What schemathesis is told of Doorward: who asks, and which refusals no schema can foretell.

`FUZZ_AS` is `nobody`, `user` or `admin`. The fuzzer signs itself out, deletes itself and changes its
password; whoever it is asks anew when its token is refused, under a new name where need be.
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

# Fields and codes of 422 that depend on more than a schema says: lists of bad passwords, Unicode
# rules of names, what an address is beyond `format: email`, the size of `data`, the session.
BEYOND_SCHEMAS = {
    "password": {"missing", "breached", "common", "too-personal", "too-short", "too-long", "invalid"},
    "new_password": {"breached", "common", "too-personal", "too-short", "too-long", "invalid"},
    "current_password": {"too-long"},
    "username": {"invalid", "look-alike", "reserved", "missing", "unknown"},
    "email": {"invalid", "too-long", "unknown", "unchanged"},
    "to": {"invalid", "too-long"},
    "name": {"invalid", "too-short"},
    "data": {"invalid", "too-long", "too-deep", "wrong-type"},
    "since": {"invalid"},
    "until": {"invalid"},
    "status": {"unconfirmed"},
}

names = itertools.count()
turns = itertools.count()


def post(path, body):
    """Asks until the server is not too busy: hashing has a low priority, and builds may run beside it."""
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
    """More admins: the fuzzer demotes, disables and locks out the one it is."""
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
            """The first who still is one; while there is one, there are more."""
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
    """Whom a request is about: the one who asks; but an admin who stays one sees more."""
    gone = case.method == "DELETE" and case.path == "/user/{user}"
    if ROLE != "admin" or not (gone or case.path.endswith(("/role", "/status"))):
        return "me"
    name = f"victim-{next(names)}"
    sign_up(name)
    return name


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every other request of one step names somebody and something that is there: random text never would."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.path == "/inbox.json":
        # Waiting for mail that nobody sends would take the time of all the others.
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
    """`positive_data_acceptance`, but it looks at what was refused and why."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 406, 413, 415, 422):
        return
    problem = response.json()
    if problem["code"] == "malformed-request" and "one credential" in problem["detail"]:
        return
    refused = problem.get("errors", [{"field": "", "code": problem["code"]}])
    wrong = [fault for fault in refused if fault["code"] not in BEYOND_SCHEMAS.get(fault["field"], ())]
    if wrong:
        raise AssertionError(f"what fits the schema was refused: {wrong}")


@schemathesis.check
def refusals_are_problems(ctx: CheckContext, response, case):
    """Every error of the router is a problem, and says the same in its body as on the outside."""
    if response.status_code < 400 or case.method == "HEAD":
        return
    kind = response.headers.get("content-type", ["none"])[0]
    if kind != "application/problem+json":
        raise AssertionError(f"{response.status_code} came as {kind}")
    if response.json()["status"] != response.status_code:
        raise AssertionError("the body tells another status")
