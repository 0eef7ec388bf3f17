"""A site behind a proxy that checks every request with Doorward. It shows the headers that it receives.

The user is in X-Auth-*. The site trusts those headers, so only the proxy may reach it: it listens on loopback.
"""

import html
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<h1>{title}</h1>
<p><a href="/">Start</a> · <a href="/reports?year=2026&amp;by=month">Reports</a> · <a href="/admin/">Admin</a> · <a href="/public/">Public</a> · <a href="/account">Account</a></p>
<form method="post" action="/auth/sign-out"><button>Sign out</button></form>
<pre>{seen}</pre>
"""


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        # Python decodes headers as Latin-1; usernames are UTF-8.
        fields = [(name, value.encode("latin-1").decode("utf-8", "replace")) for name, value in self.headers.items()]
        # These headers give access to the session: do not show or log them.
        fields = [(name, "…" if name.lower() in ("cookie", "authorization") else value) for name, value in fields]
        who = dict(fields)
        status, title = 200, "Hello, " + (who.get("X-Auth-Username") or who.get("X-Auth-Email") or "guest")
        # Some proxies check the role, Traefik cannot. Check it in the site in any case.
        if self.path.lower().startswith("/admin") and who.get("X-Auth-Role") != "admin":
            status, title = 403, "The site says: for admins only"
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = [f"{self.command} {self.path}", *(f"{name}: {value}" for name, value in fields), "", body.decode("utf-8", "replace")]
        page = PAGE.format(title=html.escape(title), seen=html.escape("\n".join(seen))).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Site).serve_forever()
