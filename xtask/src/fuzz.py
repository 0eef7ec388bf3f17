"""What schemathesis is told of Doorward: who asks, and which refusals no schema can foretell.

`FUZZ_AS` is `nobody`, `user` or `admin`. The fuzzer signs itself out, deletes itself and changes its
password; whoever it is asks anew when its token is refused, under a new name where need be.
"""

import itertools
import os

import requests
import schemathesis
from schemathesis.checks import CheckContext

ROLE = os.environ["FUZZ_AS"]
SERVER = os.environ["FUZZ_SERVER"]
PASSWORD = "a long walk by the sea"

# Fields and codes of 422 that depend on more than a schema says: lists of bad passwords, Unicode
# rules of names, what an address is beyond `format: email`, the size of `data`, the session.
BEYOND_SCHEMAS = {
    "password": {"missing", "common", "too-personal", "too-short", "too-long", "invalid"},
    "new_password": {"common", "too-personal", "too-short", "too-long", "invalid"},
    "current_password": {"too-long"},
    "username": {"invalid", "reserved", "missing", "unknown"},
    "email": {"invalid", "too-long", "unknown"},
    "name": {"invalid", "too-short"},
    "data": {"invalid", "too-long", "too-deep", "wrong-type"},
    "since": {"invalid"},
    "status": {"unconfirmed"},
}

names = itertools.count()


def sign_in(username):
    body = {"username": username, "password": PASSWORD}
    return requests.post(f"{SERVER}/auth", json=body, timeout=30)


if ROLE != "nobody":

    @schemathesis.auth()
    class SignedIn:
        username = "admin" if ROLE == "admin" else f"fuzz-{os.getpid()}"

        def get(self, case, context):
            answer = sign_in(self.username)
            if answer.status_code != 201 and ROLE == "user":
                self.username = f"fuzz-{os.getpid()}-{next(names)}"
                body = {"username": self.username, "password": PASSWORD}
                requests.post(f"{SERVER}/user", json=body, timeout=30).raise_for_status()
                answer = sign_in(self.username)
            answer.raise_for_status()
            return answer.json()["token"]

        def set(self, case, data, context):
            case.headers["Authorization"] = f"Bearer {data}"


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
