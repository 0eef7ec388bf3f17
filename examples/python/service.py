"""A small API that verifies Doorward's audience tokens with Doorward's public keys.

Copy `Keys` and `person`. The rest is an API that uses them, with the standard library only.
"""

import json
import os
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

DOORWARD_URL = os.environ.get("DOORWARD_URL", "http://localhost:8000")
AUDIENCE = os.environ.get("AUDIENCE", "https://api.example.com")
PORT = int(os.environ.get("PORT", "5000"))

LIFETIME = 600  # seconds until the keys are fetched again, so that a revoked key is forgotten
COOLDOWN = 1  # seconds between fetches for unknown key ids, since anyone can make up key ids
TIMEOUT = 2  # seconds for Doorward's response


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# Sends requests to Doorward only: follows no redirect, and uses no proxy from the environment.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)


class Rejected(Exception):
    """The status and headers of an error response."""

    def __init__(self, status, **headers):
        self.status, self.headers = status, headers


class Keys:
    """Doorward's public keys. (In PyJWT's PyJWKClient, a fetch for an unknown key blocks known keys.)"""

    def __init__(self, url):
        self.url = url
        self.known, self.fetched_at, self.failed = {}, float("-inf"), False
        self.lock = threading.Lock()

    def is_due(self, kid):
        return time.monotonic() - self.fetched_at >= (LIFETIME if kid in self.known else COOLDOWN)

    def find(self, kid):
        """Return the key with this id. Raise Rejected if the keys cannot be fetched."""
        # A known and fresh key is returned at once. Otherwise one caller at a time fetches the keys and
        # the others wait, unless the last fetch failed: Doorward may be hanging.
        if self.is_due(kid) and self.lock.acquire(timeout=0 if self.failed else TIMEOUT):
            try:
                if self.is_due(kid):  # no other caller has fetched them in the meantime
                    self.fetch()
            finally:
                self.lock.release()
        key = self.known.get(kid)
        if key:
            return key
        if self.failed or self.is_due(kid):
            raise Rejected(503, retry_after="1")
        raise jwt.InvalidTokenError("unknown key id")

    def fetch(self):
        try:
            with DIRECT.open(self.url, timeout=TIMEOUT) as response:
                found = jwt.PyJWKSet.from_json(response.read(65_536)).keys
            known = {key.key_id: key for key in found if key.algorithm_name == "EdDSA"}
            if not known:
                raise ValueError("no key for EdDSA")
            self.known, self.failed = known, False
        except Exception as error:  # the cause is not the caller's token, so the response is not 401
            print(f"cannot fetch Doorward's keys: {error}", file=sys.stderr)
            self.failed = True  # the old keys stay
        self.fetched_at = time.monotonic()


KEYS = Keys(f"{DOORWARD_URL}/.well-known/jwks.json")


def person(authorization):
    """Return the claims of a token (`sub`, `role`, `sid`). Raise Rejected if it is invalid."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Rejected(401, www_authenticate="Bearer")
    try:
        header = jwt.get_unverified_header(token)  # the signature covers `typ` too
        if (header.get("typ"), header.get("alg")) != ("at+jwt", "EdDSA") or "kid" not in header:
            raise jwt.InvalidTokenError("not an audience token")
        return jwt.decode(
            token,
            KEYS.find(header["kid"]),
            algorithms=["EdDSA"],
            issuer=DOORWARD_URL,
            audience=AUDIENCE,
            options={"require": ["exp", "iss", "aud", "sub", "sid", "role"]},
            leeway=5,  # seconds, for clock skew
        )
    except jwt.PyJWTError:
        raise Rejected(401, www_authenticate='Bearer error="invalid_token"') from None


def admin(authorization):
    """Return the claims of a token, if the user is an admin."""
    claims = person(authorization)
    if claims["role"] != "admin":
        raise Rejected(403)
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
