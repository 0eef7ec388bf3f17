"""A server between a client and Doorward that tells one untruth: `untruths.py http://localhost:PORT UNTRUTH`.

It prints its address and serves until it is killed; without arguments it prints the names of all
untruths. Each is a function of a request and its answer, below. To add one: a function, under a name
that says what is untrue.
"""

import base64
import http.client
import json
import re
import sys
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    method: str
    path: str
    status: int
    headers: list
    body: bytes

    def header(self, wanted):
        return next((value for name, value in self.headers if name.lower() == wanted), "")

    def with_header(self, wanted, change):
        """A header as `change` makes it of what it was; None takes it away."""
        changed = [(name, change(value) if name.lower() == wanted else value) for name, value in self.headers]
        self.headers = [(name, value) for name, value in changed if value is not None]

    def change(self, change):
        """Every object of a JSON body, innermost first, as `change` leaves it."""
        if "json" not in self.header("content-type"):
            return

        def walk(value):
            if isinstance(value, list):
                return [walk(each) for each in value]
            if isinstance(value, dict):
                value = {name: walk(each) for name, each in value.items()}
                change(value)
            return value

        self.body = json.dumps(walk(json.loads(self.body))).encode()


UNTRUTHS = {}


def untruth(name, path="", besides="/openapi.json"):
    """Of the answers at paths that match, and are not that one."""

    def keep(function):
        def told(answer):
            if re.match(path, answer.path) and answer.path != besides:
                function(answer)

        UNTRUTHS[name] = told
        return function

    return keep


def instead(name, field, value, path="", wrong=lambda there: True):
    """A field that says something else, wherever it is found."""

    @untruth(name, path)
    def told(answer):
        def change(there):
            if field in there and wrong(there):
                there[field] = value

        answer.change(change)


def header(name, field, change):
    untruth(name, besides=None)(lambda answer: answer.with_header(field, change))


def contract(name):
    """Of the contract alone."""

    def keep(function):
        @untruth(name, "/openapi.json", besides=None)
        def told(answer):
            document = json.loads(answer.body)
            function(document)
            answer.body = json.dumps(document).encode()

    return keep


@untruth("nothing", besides=None)
def nothing(answer):
    """The truth: what comes through here unchanged is taken."""


# Headers.


@untruth("any site may read", besides=None)
def any_site(answer):
    answer.headers += [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "true")]


header("no nosniff", "x-content-type-options", lambda value: None)
header("a policy that allows everything", "content-security-policy", lambda value: "default-src * 'unsafe-inline'")
header("everything may be kept", "cache-control", lambda value: "public, max-age=99999")
header("no request id", "x-request-id", lambda value: None)
header("no challenge", "www-authenticate", lambda value: None)
header("no version", "etag", lambda value: None)
header("a place elsewhere", "location", lambda value: "https://evil.example/")
header("a cookie for scripts", "set-cookie", lambda value: value.replace("; HttpOnly", ""))
header("somebody else", "x-auth-user-id", lambda value: "00000000-0000-0000-0000-000000000000")
header("pages as text", "content-type", lambda value: value.replace("text/html", "text/plain"))
header("problems as JSON", "content-type", lambda value: value.replace("problem+json", "json"))


@untruth("JSON as text", besides=None)
def json_as_text(answer):
    if answer.status < 300:
        answer.with_header("content-type", lambda value: value.replace("application/json", "text/plain"))


# Statuses and bodies.


@untruth("created is done")
def created(answer):
    answer.status = 200 if answer.status == 201 else answer.status


@untruth("nowhere is forbidden", "/nowhere")
def nowhere(answer):
    answer.status = 401
    answer.change(lambda there: there.update(status=401, code="authentication-required"))


@untruth("a style sheet of nothing", "/assets/")
def no_style(answer):
    answer.body = b""


@untruth("a page of nothing", "/problems")
def no_page(answer):
    answer.body = b""


@untruth("nothing has a body")
def has_body(answer):
    if answer.status == 202:
        answer.body = b"soon"


# Fields.

instead("a broken server", "status", "broken", "/(healthz|readyz)")
instead("signed up in 1970", "created_at", "1970-01-01T00:00:00Z", "/user")
instead("changed in 1970", "updated_at", "1970-01-01T00:00:00Z")
instead("happened tomorrow", "at", "2099-01-01T00:00:00Z", "/audit")
instead("ends in 2099", "expires_at", "2099-01-01T00:00:00Z")
instead("ended long ago", "expires_at", "2001-01-01T00:00:00Z", "/user")
instead("lasts longer", "expires_in", 999999)
instead("another device", "user_agent", "another", "/user")
instead("another device in the log", "user_agent", "another", "/audit")
instead("somebody's mail", "email", "evil@example.com", "/user", lambda there: there["email"])
instead("disabled is active", "status", "active", "/user", lambda there: there["status"] == "disabled")
instead("no faults", "errors", [])
instead("another problem", "code", "forbidden", wrong=lambda there: there["code"] == "not-found")
instead("nobody on any list", "items", [], "/(user|audit)")


@untruth("a field too many")
def one_more(answer):
    answer.change(lambda there: there.update(secret="abc") if "username" in there else None)


@untruth("a list with more")
def a_total(answer):
    answer.change(lambda there: there.update(total=1) if "items" in there else None)


@untruth("a problem with more")
def a_trace(answer):
    answer.change(lambda there: there.update(trace="main.rs:1") if "request_id" in there and "detail" in there else None)


# Keys.

instead("keys of another", "x", base64.urlsafe_b64encode(bytes([9] + [0] * 31)).decode().rstrip("="), "/.well-known/jwks")
instead("keys of other names", "kid", "another", "/.well-known/jwks")
instead("keys of another kind", "kty", "RSA", "/.well-known/jwks")
instead("no keys", "keys", [], "/.well-known/jwks")


@untruth("a key with its secret", "/.well-known/jwks")
def secret_key(answer):
    answer.change(lambda there: there.update(d="AAAA") if "kty" in there else None)


@untruth("a token by nobody", "/auth/token")
def another_signature(answer):
    def change(there):
        if "token" in there:
            signed, signature = there["token"].rsplit(".", 1)
            there["token"] = f"{signed}.{signature[:4]}{'B' if signature[4] == 'A' else 'A'}{signature[5:]}"

    answer.change(change)


# The contract.


@contract("a contract of nothing")
def no_paths(document):
    document["paths"] = {}


@contract("a contract without a route")
def a_route_less(document):
    del document["paths"]["/auth/renewal"]


@contract("a contract without a method")
def a_method_less(document):
    del document["paths"]["/user/{user}"]["patch"]


@contract("a contract without answers")
def no_answers(document):
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"] = {}


@contract("shapes of nothing")
def no_shapes(document):
    document["components"]["schemas"] = {name: {} for name in document["components"]["schemas"]}


@contract("a shape less")
def a_shape_less(document):
    document["components"]["schemas"]["Session"]["properties"].pop("user_agent")


class Between(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("host", "connection"):
                upstream.putheader(name, value)
        upstream.putheader("Host", self.server.upstream)
        upstream.endheaders(asked or None)
        response = upstream.getresponse()
        left_out = ("content-length", "transfer-encoding", "connection")
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in left_out]
        answer = Answer(self.command, self.path, response.status, headers, response.read())
        upstream.close()
        self.server.untruth(answer)
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *said):
        pass


def main(url, name):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    server.upstream = url.removeprefix("http://")
    server.untruth = UNTRUTHS[name]
    print(f"http://localhost:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("\n".join(UNTRUTHS))
    else:
        main(*sys.argv[1:])
