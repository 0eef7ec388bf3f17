"""A small API that trusts Doorward's audience tokens by the public keys alone.

`person` is what to copy; the rest is an API that uses it, of the standard library alone.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

DOORWARD_URL = os.environ.get("DOORWARD_URL", "http://localhost:8000")
AUDIENCE = os.environ.get("AUDIENCE", "https://api.example.com")
PORT = int(os.environ.get("PORT", "5000"))

# The keys are kept for ten minutes. A token by an unknown key makes it look for new ones at once,
# but no more than once a second: anybody can make up names of keys.
KEYS = jwt.PyJWKClient(
    f"{DOORWARD_URL}/.well-known/jwks.json", lifespan=600, cooldown_duration=1, timeout=2
)


class Refused(Exception):
    """The status to answer with, and what goes with it."""

    def __init__(self, status, **headers):
        self.status, self.headers = status, headers


def person(authorization):
    """Whose token it is: `sub`, `role` and `sid`; else Refused."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, www_authenticate="Bearer")
    try:
        decoded = jwt.decode_complete(
            token,
            KEYS.get_signing_key_from_jwt(token),
            algorithms=["EdDSA"],
            issuer=DOORWARD_URL,
            audience=AUDIENCE,
            options={"require": ["exp", "iss", "aud", "sub", "sid", "role"]},
            leeway=5,  # for clocks that differ a little
        )
        if decoded["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an audience token")
    except (jwt.PyJWKClientConnectionError, OSError):
        raise Refused(503, retry_after="1")
    except jwt.PyJWTError:
        raise Refused(401, www_authenticate='Bearer error="invalid_token"')
    return decoded["payload"]


def admin(authorization):
    """The same, for admins alone."""
    claims = person(authorization)
    if claims["role"] != "admin":
        raise Refused(403)
    return claims


def me(authorization):
    claims = person(authorization)
    return {"user": claims["sub"], "role": claims["role"], "session": claims["sid"]}


def for_admins(authorization):
    return {"message": "hello, admin", "user": admin(authorization)["sub"]}


ROUTES = {"/me": me, "/admin": for_admins}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            route = ROUTES.get(self.path)
            if not route:
                raise Refused(404)
            self.answer(200, route(self.headers.get("Authorization")))
        except Refused as refused:
            self.answer(refused.status, None, refused.headers)

    def answer(self, status, body, headers={}):
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
