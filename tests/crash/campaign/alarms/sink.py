"""Where everybody is told: `python -m tests.crash.campaign.alarms.sink FILE SEED SHARE`. Prints its two ports.

A real HTTP server and a real SMTP server. Each request and mail that is taken is one line of an append-only file,
written before it is answered: the mark by which its receiver can tell a repetition, to whom it went, and each message
in it. Now and then (SHARE) one is taken and the connection is cut instead of an answer: the sender cannot know.
"""

import json
import random
import sys
import threading
import time
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from config.embedded import free_port

BETWEEN = "· · ·"


class Sink:
    """The file, and the dice."""

    def __init__(self, path: Path, seed: str, share: float) -> None:
        self.out, self.dice, self.share = path.open("a", buffering=1), random.Random(f"sink {seed}"), share
        self.lock = threading.Lock()

    def take(self, **line: Any) -> bool:
        """Whether it is to be answered."""
        with self.lock:
            cut = self.dice.random() < self.share
            self.out.write(json.dumps({**line, "cut": cut, "at": time.time()}) + "\n")
        return not cut


def http_server(sink: Sink) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            told = [{name: one[name] for name in ("id", "subject", "link")} for one in body["data"]["messages"]]
            if not sink.take(kind="http", mark=self.headers["webhook-id"], to=self.path.strip("/"), told=told):
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


class Mailbox:
    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # aiosmtpd's name
        letter = message_from_bytes(envelope.original_content, policy=default)
        mark = str(letter["Message-ID"]).strip("<>").partition("@")[0]
        to = envelope.rcpt_tos[0]
        if not self.sink.take(kind="mail", mark=mark, to=to, told=messages(letter)):
            server.transport.close()
        return "250 kept"


def messages(letter: Any) -> list[dict[str, str]]:
    """What a mail tells of: one message, or the several that went out as one, each under its own subject."""
    text = letter.get_content()
    parts = text.split(BETWEEN)
    if len(parts) == 1:
        return [{"subject": " ".join(str(letter["Subject"]).split()), "link": _link(text)}]
    return [{"subject": part.strip().partition("\n")[0].strip(), "link": _link(part)} for part in parts]


def _link(text: str) -> str:
    last = text.strip().rpartition("\n")[2].strip()
    return last if last.startswith("http") else ""


def main(path: str, seed: str, share: str) -> None:
    sink = Sink(Path(path), seed, float(share))
    web = http_server(sink)
    mail = Controller(Mailbox(sink), hostname="127.0.0.1", port=free_port())
    mail.start()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    print(json.dumps({"http": web.server_port, "smtp": mail.port}), flush=True)
    sys.stdin.read()
    mail.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
