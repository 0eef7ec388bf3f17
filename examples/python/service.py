"""A small API that trusts Doorward's audience tokens by the public keys alone.

`person` is what to copy; the rest is an API that uses it, of the standard library alone.
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

LIFETIME = 600  # seconds: the keys are fetched again, so that one that was withdrawn is forgotten
COOLDOWN = 1  # an unknown key makes it look for new ones, but anybody can make up names of keys
PATIENCE = 2  # how long Doorward has to answer


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# Asks Doorward itself, and goes nowhere else: not where it is sent, nor by a proxy of the environment's.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)


class Refused(Exception):
    """The status to answer with, and what goes with it."""

    def __init__(self, status, **headers):
        self.status, self.headers = status, headers


class Keys:
    """Doorward's public keys. (With PyJWT's own PyJWKClient, who has a known key waits for who has not.)"""

    def __init__(self, url):
        self.url = url
        self.known, self.asked_at, self.failed = {}, float("-inf"), False
        self.turn = threading.Lock()

    def is_due(self, kid):
        return time.monotonic() - self.asked_at >= (LIFETIME if kid in self.known else COOLDOWN)

    def find(self, kid):
        """The key of that name; else Refused, or the token is bad."""
        # A key that is known and fresh waits for nobody. Else one caller at a time looks and the others
        # wait for it, unless the last look failed: Doorward may be hanging.
        if self.is_due(kid) and self.turn.acquire(timeout=0 if self.failed else PATIENCE):
            try:
                if self.is_due(kid):  # nobody has looked meanwhile
                    self.fetch()
            finally:
                self.turn.release()
        key = self.known.get(kid)
        if key:
            return key
        if self.failed or self.is_due(kid):
            raise Refused(503, retry_after="1")
        raise jwt.InvalidTokenError("a key that Doorward does not have")

    def fetch(self):
        try:
            with DIRECT.open(self.url, timeout=PATIENCE) as answer:
                found = jwt.PyJWKSet.from_json(answer.read(65_536)).keys
            known = {key.key_id: key for key in found if key.algorithm_name == "EdDSA"}
            if not known:
                raise ValueError("none among them is for EdDSA")
            self.known, self.failed = known, False
        except Exception as error:  # whatever it is, the caller's token is not at fault
            print(f"Doorward's keys could not be fetched: {error}", file=sys.stderr)
            self.failed = True  # and the old ones are kept
        self.asked_at = time.monotonic()


KEYS = Keys(f"{DOORWARD_URL}/.well-known/jwks.json")


def person(authorization):
    """Whose token it is: `sub`, `role` and `sid`; else Refused."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, www_authenticate="Bearer")
    try:
        header = jwt.get_unverified_header(token)  # `typ` is under the signature too
        if (header.get("typ"), header.get("alg")) != ("at+jwt", "EdDSA") or "kid" not in header:
            raise jwt.InvalidTokenError("not an audience token")
        return jwt.decode(
            token,
            KEYS.find(header["kid"]),
            algorithms=["EdDSA"],
            issuer=DOORWARD_URL,
            audience=AUDIENCE,
            options={"require": ["exp", "iss", "aud", "sub", "sid", "role"]},
            leeway=5,  # for clocks that differ a little
        )
    except jwt.PyJWTError:
        raise Refused(401, www_authenticate='Bearer error="invalid_token"') from None


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
