"""A small API that asks Doorward at every request: who is revoked is refused at once.

`person` is what to copy; the rest is an API that uses it, of the standard library alone.
"""

import http.client
import json
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOORWARD_URL = os.environ.get("DOORWARD_URL", "http://localhost:8000")
PORT = int(os.environ.get("PORT", "5000"))
PATIENCE = 2  # seconds


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# Shows the token to Doorward itself and to nobody else: not where it is sent, nor to a proxy of the
# environment's.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)


class Refused(Exception):
    """The status to answer with, and what goes with it."""

    def __init__(self, status, **headers):
        self.status, self.headers = status, headers


def person(authorization):
    """Whose session token it is; else Refused. No answer from Doorward is a no."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, www_authenticate="Bearer")
    question = urllib.request.Request(
        f"{DOORWARD_URL}/auth/check", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with DIRECT.open(question, timeout=PATIENCE) as answer:
            status, found = answer.status, answer.headers
    except urllib.error.HTTPError as error:
        with error:
            status, found = error.code, error.headers
    except (OSError, ValueError, http.client.HTTPException):
        raise Refused(503, retry_after="1") from None
    if status == 401:
        raise Refused(401, www_authenticate='Bearer error="invalid_token"')
    if status != 200 or not found["X-Auth-User-Id"]:
        raise Refused(503, retry_after=found.get("Retry-After", "1"))
    # A header's bytes are read as Latin-1 here; Doorward sends UTF-8.
    name = found.get("X-Auth-Username", "").encode("latin-1").decode()
    return {"user": found["X-Auth-User-Id"], "username": name, "role": found["X-Auth-Role"]}


def admin(authorization):
    """The same, for admins alone."""
    who = person(authorization)
    if who["role"] != "admin":
        raise Refused(403)
    return who


def for_admins(authorization):
    return {"message": "hello, admin", "user": admin(authorization)["user"]}


ROUTES = {"/me": person, "/admin": for_admins}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            route = ROUTES.get(self.path)
            if not route:
                raise Refused(404)
            self.answer(200, route(self.headers.get("Authorization")))
        except Refused as refused:
            self.answer(refused.status, None, **refused.headers)

    def answer(self, status, body, **headers):
        body = json.dumps(body).encode() if body else b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


if __name__ == "__main__":
    server = Server(("127.0.0.1", PORT), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
