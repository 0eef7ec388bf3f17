"""Starts a real Doorward for the tests of this project: for this run only, with all data in memory.

Copy this file. If `doorward` is not on the path, set `DOORWARD` to its path.
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
    """Send a JSON request. Return status and body."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, text = response.status, response.read()
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
        """Return the newest mail to this address. Wait until it arrives."""
        query = urllib.parse.urlencode({"to": address, "after": after, "wait": 10})
        status, found = call("GET", f"{self.inbox_url}?{query}")
        assert status == 200, found
        assert found["items"], f"no mail to {address}"
        return found["items"][0]

    def sign_in(self, username, password=PASSWORD):
        status, session = self.call("POST", "/auth", {"username": username, "password": password})
        assert status == 201, session
        return session["token"]


@pytest.fixture(scope="session")
def doorward():
    """A Doorward for this run. It stops when its standard input is closed, even if pytest is killed."""
    program = os.environ.get("DOORWARD", "doorward")
    pipe = subprocess.PIPE
    with subprocess.Popen([program, "serve", "--ephemeral"], stdin=pipe, stdout=pipe, text=True) as process:
        line = process.stdout.readline()
        assert line, "doorward did not start; its output is above"
        ready = json.loads(line)
        yield Doorward(ready["url"], ready["inbox_url"], ready["admin"])
        process.stdin.close()


@pytest.fixture
def person(doorward):
    """A new user for one test, signed in."""
    username = f"person-{next(numbers)}"
    status, user = doorward.call("POST", "/user", {"username": username, "password": PASSWORD})
    assert status == 201, user
    return {"id": user["id"], "username": username, "token": doorward.sign_in(username)}


@pytest.fixture(scope="session")
def app(doorward):
    """The URL of the application under test, which uses that Doorward."""
    server = notes.application(doorward.url, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
