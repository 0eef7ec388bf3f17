"""A small application with users: notes that only their author can see. Doorward authenticates requests.

test_notes.py tests it.
"""

import json
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# Sends the token to Doorward only: follows no redirect, and uses no proxy from the environment.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)


def user_of(doorward_url, authorization):
    """Return the id of the user of a session token, or None. Raise OSError if Doorward does not respond."""
    if not authorization:
        return None
    check = urllib.request.Request(f"{doorward_url}/auth/check", headers={"Authorization": authorization})
    try:
        with DIRECT.open(check, timeout=2) as response:
            if response.status == 200 and response.headers["X-Auth-User-Id"]:
                return response.headers["X-Auth-User-Id"]
            raise OSError("this is not a response of Doorward")
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 401:
                return None
            raise


def application(doorward_url, port):
    """Return a listening server with its notes in memory."""
    notes = {}

    class Notes(BaseHTTPRequestHandler):
        def do_GET(self):
            self.for_user(lambda notes: (200, {"notes": notes}))

        def do_POST(self):
            note = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)))["text"]
            self.for_user(lambda notes: (201, {"number": notes.append(note) or len(notes)}))

        def for_user(self, action):
            try:
                user = user_of(doorward_url, self.headers["Authorization"])
                status, body = action(notes.setdefault(user, [])) if user else (401, {"error": "sign in first"})
            except OSError:
                status, body = 503, {"error": "authentication is unavailable"}
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
