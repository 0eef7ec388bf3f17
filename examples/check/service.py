"""A small API that checks every request with Doorward, so revoked sessions are rejected at once.

Copy `person`. The rest is an API that uses it, with the standard library only.
"""

import http.client
import json
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOORWARD_URL = os.environ.get("DOORWARD_URL", "http://localhost:8000")
PORT = int(os.environ.get("PORT", "5000"))
TIMEOUT = 2  # seconds


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# Sends the token to Doorward only: follows no redirect, and uses no proxy from the environment.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)


class Rejected(Exception):
    """The status and headers of an error response."""

    def __init__(self, status, **headers):
        self.status, self.headers = status, headers


def person(authorization):
    """Return the user of a session token. Raise Rejected if it is invalid or Doorward does not respond."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Rejected(401, www_authenticate="Bearer")
    request = urllib.request.Request(
        f"{DOORWARD_URL}/auth/check", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with DIRECT.open(request, timeout=TIMEOUT) as response:
            status, headers = response.status, response.headers
    except urllib.error.HTTPError as error:
        with error:
            status, headers = error.code, error.headers
    except (OSError, ValueError, http.client.HTTPException):
        raise Rejected(503, retry_after="1") from None
    if status == 401:
        raise Rejected(401, www_authenticate='Bearer error="invalid_token"')
    if status != 200 or not headers["X-Auth-User-Id"]:
        raise Rejected(503, retry_after=headers.get("Retry-After", "1"))
    # Python decodes headers as Latin-1; Doorward sends UTF-8.
    name = headers.get("X-Auth-Username", "").encode("latin-1").decode()
    return {"user": headers["X-Auth-User-Id"], "username": name, "role": headers["X-Auth-Role"]}


def admin(authorization):
    """Return the user of a session token, if it is an admin."""
    user = person(authorization)
    if user["role"] != "admin":
        raise Rejected(403)
    return user


def for_admins(authorization):
    return {"message": "hello, admin", "user": admin(authorization)["user"]}


ROUTES = {"/me": person, "/admin": for_admins}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            route = ROUTES.get(self.path)
            if not route:
                raise Rejected(404)
            self.respond(200, route(self.headers.get("Authorization")))
        except Rejected as rejected:
            self.respond(rejected.status, None, **rejected.headers)

    def respond(self, status, body, **headers):
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
