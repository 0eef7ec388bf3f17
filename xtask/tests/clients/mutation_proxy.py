"""A proxy that falsifies one thing in the responses: `mutation_proxy.py http://localhost:PORT MUTATION`.

It prints its address and serves until it is killed; without arguments it prints the names of all
mutations. Each is a function of a response. To add one: a function with the name of
what it falsifies.
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
        """Replaces a header by the result of `change`, or removes it if that is None."""
        changed = [(name, change(value) if name.lower() == wanted else value) for name, value in self.headers]
        self.headers = [(name, value) for name, value in changed if value is not None]

    def change(self, change):
        """Applies `change` to every object of a JSON body, innermost first."""
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


MUTATIONS = {}


def mutation(name, path="", besides="/openapi.json"):
    """Registers a mutation of the responses at paths that match `path`, except `besides`."""

    def keep(function):
        def changed(answer):
            if re.match(path, answer.path) and answer.path != besides:
                function(answer)

        MUTATIONS[name] = changed
        return function

    return keep


def instead(name, field, value, path="", wrong=lambda there: True):
    """Registers a mutation that replaces the value of a field everywhere."""

    @mutation(name, path)
    def changed(answer):
        def change(there):
            if field in there and wrong(there):
                there[field] = value

        answer.change(change)


def header(name, field, change):
    mutation(name, besides=None)(lambda answer: answer.with_header(field, change))


def contract(name):
    """Registers a mutation of the OpenAPI document only."""

    def keep(function):
        @mutation(name, "/openapi.json", besides=None)
        def changed(answer):
            document = json.loads(answer.body)
            function(document)
            answer.body = json.dumps(document).encode()

    return keep


@mutation("nothing", besides=None)
def nothing(answer):
    """No change: the run must pass."""


# Headers.


@mutation("cross-origin reads allowed", besides=None)
def any_site(answer):
    answer.headers += [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "true")]


header("no nosniff", "x-content-type-options", lambda value: None)
header("a policy that allows everything", "content-security-policy", lambda value: "default-src * 'unsafe-inline'")
header("everything cacheable", "cache-control", lambda value: "public, max-age=99999")
header("no request id", "x-request-id", lambda value: None)
header("no challenge", "www-authenticate", lambda value: None)
header("no version", "etag", lambda value: None)
header("redirect to another site", "location", lambda value: "https://evil.example/")
header("a cookie for scripts", "set-cookie", lambda value: value.replace("; HttpOnly", ""))
header("another user", "x-auth-user-id", lambda value: "00000000-0000-0000-0000-000000000000")
header("pages as text", "content-type", lambda value: value.replace("text/html", "text/plain"))
header("problems as JSON", "content-type", lambda value: value.replace("problem+json", "json"))


@mutation("JSON as text", besides=None)
def json_as_text(answer):
    if answer.status < 300:
        answer.with_header("content-type", lambda value: value.replace("application/json", "text/plain"))


# Statuses and bodies.


@mutation("200 for 201")
def created(answer):
    answer.status = 200 if answer.status == 201 else answer.status


@mutation("401 for an unknown path", "/nowhere")
def nowhere(answer):
    answer.status = 401
    answer.change(lambda there: there.update(status=401, code="authentication-required"))


@mutation("empty style sheet", "/assets/")
def no_style(answer):
    answer.body = b""


@mutation("empty page", "/problems")
def no_page(answer):
    answer.body = b""


@mutation("202 with a body")
def has_body(answer):
    if answer.status == 202:
        answer.body = b"soon"


# Fields.

instead("a broken server", "status", "broken", "/(healthz|readyz)")
instead("created in 1970", "created_at", "1970-01-01T00:00:00Z", "/user")
instead("changed in 1970", "updated_at", "1970-01-01T00:00:00Z")
instead("happened tomorrow", "at", "2099-01-01T00:00:00Z", "/audit")
instead("ends in 2099", "expires_at", "2099-01-01T00:00:00Z")
instead("ended long ago", "expires_at", "2001-01-01T00:00:00Z", "/user")
instead("lasts longer", "expires_in", 999999)
instead("another device", "user_agent", "another", "/user")
instead("another device in the log", "user_agent", "another", "/audit")
instead("another email address", "email", "evil@example.com", "/user", lambda there: there["email"])
instead("active for disabled", "status", "active", "/user", lambda there: there["status"] == "disabled")
instead("no field errors", "errors", [])
instead("another problem", "code", "forbidden", wrong=lambda there: there["code"] == "not-found")
instead("empty lists", "items", [], "/(user|audit)")


@mutation("an additional field")
def one_more(answer):
    answer.change(lambda there: there.update(secret="abc") if "username" in there else None)


@mutation("a list with a total")
def a_total(answer):
    answer.change(lambda there: there.update(total=1) if "items" in there else None)


@mutation("a problem with a trace")
def a_trace(answer):
    answer.change(lambda there: there.update(trace="main.rs:1") if "request_id" in there and "detail" in there else None)


# Keys.

instead("another public key", "x", base64.urlsafe_b64encode(bytes([9] + [0] * 31)).decode().rstrip("="), "/.well-known/jwks")
instead("other key ids", "kid", "another", "/.well-known/jwks")
instead("another key type", "kty", "RSA", "/.well-known/jwks")
instead("no keys", "keys", [], "/.well-known/jwks")


@mutation("a key with its secret", "/.well-known/jwks")
def secret_key(answer):
    answer.change(lambda there: there.update(d="AAAA") if "kty" in there else None)


@mutation("a token with an invalid signature", "/auth/token")
def another_signature(answer):
    def change(there):
        if "token" in there:
            signed, signature = there["token"].rsplit(".", 1)
            there["token"] = f"{signed}.{signature[:4]}{'B' if signature[4] == 'A' else 'A'}{signature[5:]}"

    answer.change(change)


# The OpenAPI document.


@contract("document without paths")
def no_paths(document):
    document["paths"] = {}


@contract("document without a route")
def a_route_less(document):
    del document["paths"]["/auth/renewal"]


@contract("document without a method")
def a_method_less(document):
    del document["paths"]["/user/{user}"]["patch"]


@contract("document without responses")
def no_answers(document):
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"] = {}


@contract("empty schemas")
def no_shapes(document):
    document["components"]["schemas"] = {name: {} for name in document["components"]["schemas"]}


@contract("schema without a field")
def a_shape_less(document):
    document["components"]["schemas"]["Session"]["properties"].pop("user_agent")


class Proxy(BaseHTTPRequestHandler):
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
        self.server.mutation(answer)
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *arguments):
        pass


def main(url, name):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.upstream = url.removeprefix("http://")
    server.mutation = MUTATIONS[name]
    print(f"http://localhost:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("\n".join(MUTATIONS))
    else:
        main(*sys.argv[1:])
