"""A small application with users: notes, each seen by whoever wrote it. Doorward knows who asks.

It is here to be tested: see test_notes.py.
"""

import json
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# Shows the token to Doorward itself and to nobody else: not where it is sent, nor to a proxy.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)


def user_of(doorward_url, authorization):
    """The id of whoever has this session token, or None. An OSError where Doorward does not say."""
    if not authorization:
        return None
    check = urllib.request.Request(f"{doorward_url}/auth/check", headers={"Authorization": authorization})
    try:
        with DIRECT.open(check, timeout=2) as answer:
            if answer.status == 200 and answer.headers["X-Auth-User-Id"]:
                return answer.headers["X-Auth-User-Id"]
            raise OSError("whatever this is, it is not Doorward")
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 401:
                return None
            raise


def application(doorward_url, port):
    """The server, listening; its notes are in memory."""
    notes = {}

    class Notes(BaseHTTPRequestHandler):
        def do_GET(self):
            self.for_whoever_asks(lambda mine: (200, {"notes": mine}))

        def do_POST(self):
            note = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)))["text"]
            self.for_whoever_asks(lambda mine: (201, {"number": mine.append(note) or len(mine)}))

        def for_whoever_asks(self, what):
            try:
                user = user_of(doorward_url, self.headers["Authorization"])
                status, body = what(notes.setdefault(user, [])) if user else (401, {"error": "sign in first"})
            except OSError:
                status, body = 503, {"error": "who asks cannot be known now"}
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Notes)


if __name__ == "__main__":
    server = application(os.environ.get("DOORWARD_URL", "http://localhost:8000"), int(os.environ.get("PORT", "5000")))
    print(f"listening on http://localhost:{server.server_port}", flush=True)
    server.serve_forever()
