"""The real Doorward for the tests of this project: made for this run, in memory, gone after it.

Copy this file. `DOORWARD` names the program where it is not on the path.
"""

import itertools
import json
import os
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

import pytest

import notes

PASSWORD = "a long walk by the sea"
numbers = itertools.count(1)


def call(method, url, body=None, token=None):
    """Status and body of a request in JSON."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read()
    return status, json.loads(text) if text else None


@dataclass
class Doorward:
    url: str
    inbox_url: str
    admin: dict

    def call(self, method, path, body=None, token=None):
        return call(method, self.url + path, body, token)

    def mail_to(self, address, after=0):
        """The newest mail to this address; waits until it is there."""
        query = urllib.parse.urlencode({"to": address, "after": after, "wait": 10})
        status, found = call("GET", f"{self.inbox_url}?{query}")
        assert status == 200, found
        assert found["items"], f"no mail came to {address}"
        return found["items"][0]

    def sign_in(self, username, password=PASSWORD):
        status, session = self.call("POST", "/auth", {"username": username, "password": password})
        assert status == 201, session
        return session["token"]


@pytest.fixture(scope="session")
def doorward():
    """A Doorward of this run's own. It is over when the pipe to it is closed, whatever becomes of pytest."""
    program = os.environ.get("DOORWARD", "doorward")
    pipe = subprocess.PIPE
    with subprocess.Popen([program, "serve", "--ephemeral"], stdin=pipe, stdout=pipe, text=True) as process:
        line = process.stdout.readline()
        assert line, "doorward did not start; what it said is above"
        told = json.loads(line)
        yield Doorward(told["url"], told["inbox_url"], told["admin"])
        process.stdin.close()


@pytest.fixture
def person(doorward):
    """A user nobody else has, signed in."""
    username = f"person-{next(numbers)}"
    status, user = doorward.call("POST", "/user", {"username": username, "password": PASSWORD})
    assert status == 201, user
    return {"id": user["id"], "username": username, "token": doorward.sign_in(username)}


@pytest.fixture(scope="session")
def app(doorward):
    """The application under test, beside that Doorward."""
    server = notes.application(doorward.url, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
