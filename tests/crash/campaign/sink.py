"""What the runs do to the world outside the chain, kept line by line: `python -m tests.crash.campaign.sink FILE SEED`.

A real HTTP server and a real SMTP server. Each request and mail that is taken is one line of an append-only file,
written before it is answered. Now and then (SHARE) one is taken and the connection is cut instead of an answer: the
sender cannot know. Prints the two ports.
"""

import json
import random
import re
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


class Sink:
    """The file, and the dice."""

    def __init__(self, path: Path, seed: int, share: float) -> None:
        self.out = path.open("a", buffering=1)
        self.dice = random.Random(f"sink {seed}")
        self.share = share
        self.lock = threading.Lock()

    def take(self, *deeds: str, **line: Any) -> bool:
        """Whether it is to be answered."""
        with self.lock:
            cut = self.dice.random() < self.share
            for deed in deeds:
                self.out.write(json.dumps({**line, "deed": deed, "cut": cut, "at": time.time()}) + "\n")
        return not cut


def http_server(sink: Sink) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
            same = self.headers.get("Idempotency-Key") or ""
            if not sink.take(self.path.rpartition("/")[2], kind="http", same=same, body=body):
                self.close_connection = True
                return
            answer = b'{"taken": true}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            return

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


class Mailbox:
    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # aiosmtpd's name
        letter = message_from_bytes(envelope.original_content, policy=default)
        deeds = [subject.rpartition(" ")[2] for subject in subjects(letter)]
        if not self.sink.take(*deeds, kind="mail", same=str(letter["Message-ID"]), to=envelope.rcpt_tos):
            server.transport.close()
        return "250 kept"


def subjects(letter: Any) -> list[str]:
    """What a mail tells of: one message, or the several that went out as one, each under its own subject."""
    subject = str(letter["Subject"] or "")
    if not re.match(r"\d+ messages: ", subject):
        return [subject]
    return [part.strip().partition("\n")[0].strip() for part in letter.get_content().split("· · ·")]


def main(path: str, seed: str, share: str) -> None:
    sink = Sink(Path(path), int(seed), float(share))
    web = http_server(sink)
    mail = Controller(Mailbox(sink), hostname="127.0.0.1", port=free_port())
    mail.start()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    print(json.dumps({"http": web.server_port, "smtp": mail.port}), flush=True)
    sys.stdin.read()
    mail.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
