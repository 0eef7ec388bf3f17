"""A proxy that falsifies one thing in the responses: `mutation_proxy.py http://localhost:PORT MUTATION`.

It prints its address and serves until it is killed; without arguments it prints the names of all
mutations. Each is a function of a response.
"""

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


@mutation("nothing", besides=None)
def nothing(answer):
    """No change: the run must pass."""


# Ten, since a run takes seconds: each breaks another kind of promise, and by little, so that a check of that kind has to
# notice it. A second mutation of a kind would find the same check missing.


@mutation("status: 200 for 201")
def created(answer):
    answer.status = 200 if answer.status == 201 else answer.status


instead("code: another problem", "code", "forbidden", wrong=lambda there: there["code"] == "not-found")
header("header: a policy that allows everything", "content-security-policy", lambda value: "default-src * 'unsafe-inline'")
header("cookie: readable by scripts", "set-cookie", lambda value: value.replace("; HttpOnly", ""))
header("redirect: to another site", "location", lambda value: "https://evil.example/")


@mutation("session: it does not end", "/auth$")
def still_signed_in(answer):
    if answer.method == "GET" and b"invalid-token" in answer.body:
        answer.status = 200


instead("mail: it is lost", "items", [], "/inbox.json")


@mutation("limit: a larger body is read")
def no_limit(answer):
    answer.status = 422 if answer.status == 413 else answer.status


@mutation("field: one that no document lists")
def one_more(answer):
    answer.change(lambda there: there.update(secret="abc") if "username" in there else None)


@mutation("key: a token with an invalid signature", "/auth/token")
def another_signature(answer):
    def change(there):
        if "token" in there:
            signed, signature = there["token"].rsplit(".", 1)
            there["token"] = f"{signed}.{signature[:4]}{'B' if signature[4] == 'A' else 'A'}{signature[5:]}"

    answer.change(change)


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
