"""A mail server for tests, with several modes.

    sink.py MODE [--port N] [--cert FILE --key FILE] [--user NAME --password WORD]

Prints one line of JSON for each event:

    {"port": N}                     the server listens on 127.0.0.1
    {"event": "connection"}         a client connected
    {"event": "quit"}               a client sent QUIT
    {"event": "login", ...}         a login was accepted or rejected
    {"event": "held"}               a message was received and gets no reply (stall-first)
    {"event": "mail", ...}          a message was accepted: envelope, raw bytes, and the result of
                                    Python's email parser

Modes:

    ok              accepts everything
    rcpt-450, rcpt-550, data-451, data-554, mail-530, mail-421
                    sends this reply to RCPT TO, to the message, or to MAIL FROM
    greet-554       sends this reply to the connection
    slow            accepts the connection and sends nothing
    drop            closes the connection in the middle of the message
    stall-first     never replies to the first message; serves later connections
    starttls        offers STARTTLS (needs --cert, --key)
    implicit-tls    uses TLS from the first byte (needs --cert, --key)
    auth            requires a login over STARTTLS (--user, --password, --cert, --key)
    auth-plain      requires a login, without TLS (--user, --password)

The end of standard input stops the server, so that it does not outlive its test.
"""

import argparse
import asyncio
import base64
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

ANSWERS = {
    "rcpt-450": ("RCPT", "450 4.2.1 <{to}>: mailbox busy"),
    "rcpt-550": ("RCPT", "550 5.1.1 <{to}>: no such user"),
    "data-451": ("DATA", "451 4.3.0 try again later"),
    "data-554": ("DATA", "554 5.7.1 message refused"),
    "mail-421": ("MAIL", "421 4.3.2 closing down"),
    "mail-530": ("MAIL", "530 5.7.0 authentication required"),
}


def tell(**what):
    print(json.dumps(what), flush=True)


def parse(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = {}
    for part in message.walk():
        if not part.is_multipart():
            parts[part.get_content_type()] = part.get_content()
    return {
        "headers": [[name, str(value)] for name, value in message.items()],
        "type": message.get_content_type(),
        "parts": parts,
        "defects": [str(defect) for part in message.walk() for defect in part.defects],
    }


class Handler:
    def __init__(self, mood):
        self.mood = mood

    def answer(self, step, to=""):
        at, answer = ANSWERS.get(self.mood, ("", ""))
        return answer.format(to=to) if at == step else None

    async def handle_MAIL(self, server, session, envelope, address, options):
        refusal = self.answer("MAIL")
        if refusal:
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = self.answer("RCPT", address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        tell(event="quit")
        return "221 Bye"

    async def handle_DATA(self, server, session, envelope):
        refusal = self.answer("DATA")
        if refusal:
            return refusal
        if self.mood == "stall-first":
            self.mood = "ok"
            tell(event="held")
            await asyncio.Event().wait()
        raw = envelope.original_content
        tell(
            event="mail",
            mail_from=envelope.mail_from,
            rcpt_tos=envelope.rcpt_tos,
            hello=session.host_name,
            tls=session.ssl is not None or server.implicit_tls,
            login=session.login_data.decode() if session.authenticated else None,
            raw=base64.b64encode(raw).decode(),
            parsed=parse(raw),
        )
        return "250 OK"


class Server(SMTP):
    implicit_tls = False
    mood = "ok"

    def connection_made(self, transport):
        # aiosmtpd calls this again when STARTTLS is through.
        if self.transport is None:
            tell(event="connection")
        super().connection_made(transport)

    async def smtp_DATA(self, arg):
        if self.mood == "drop":
            await self.push("354 go on")
            await self._reader.readuntil(b"\r\n")
            self.transport.abort()
        else:
            await super().smtp_DATA(arg)


async def refuse(reader, writer):
    tell(event="connection")
    writer.write(b"554 5.7.1 you are on a list\r\n")
    await reader.read()
    writer.close()


async def say_nothing(reader, writer):
    tell(event="connection")
    await reader.read()
    writer.close()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("mood")
    parser.add_argument("--port", type=int, default=0)
    for name in ("--cert", "--key", "--user", "--password"):
        parser.add_argument(name)
    return parser.parse_args()


async def main():
    args = arguments()
    loop = asyncio.get_running_loop()
    tls = None
    if args.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(args.cert, args.key)
    handler = Handler(args.mood)

    def authenticate(server, session, envelope, mechanism, data):
        granted = data.login.decode() == args.user and data.password.decode() == args.password
        tell(event="login", mechanism=mechanism, granted=granted)
        return AuthResult(success=granted, handled=False, auth_data=data)

    def serve():
        wants_login = args.mood in ("auth", "auth-plain")
        server = Server(
            handler,
            hostname="sink.test",
            loop=loop,
            tls_context=None if args.mood == "implicit-tls" else tls,
            require_starttls=args.mood == "auth",
            authenticator=authenticate if wants_login else None,
            auth_required=wants_login,
            auth_require_tls=args.mood != "auth-plain",
        )
        server.mood = args.mood
        server.implicit_tls = args.mood == "implicit-tls"
        return server

    if args.mood == "slow":
        listener = await asyncio.start_server(say_nothing, "127.0.0.1", args.port)
    elif args.mood == "greet-554":
        listener = await asyncio.start_server(refuse, "127.0.0.1", args.port)
    else:
        outer_tls = tls if args.mood == "implicit-tls" else None
        listener = await loop.create_server(serve, "127.0.0.1", args.port, ssl=outer_tls)
    tell(port=listener.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    # A handshake that fails is what some tests are about.
    warnings.simplefilter("ignore")
    logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
    asyncio.run(main())
