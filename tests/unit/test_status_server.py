"""The small server of the published status page: what it answers and refuses, and that it needs nothing of ours."""

import ast
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from config.embedded import free_port

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tools" / "status_server.py"
NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)


def loaded() -> Any:
    spec = spec_from_file_location("status_server", FILE)
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules["status_server"] = module
    spec.loader.exec_module(module)
    return module


server = loaded()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<h1>All well</h1><!--freshness--><p>&lt;!--freshness--&gt;</p>")
    (tmp_path / "status.json").write_text('{"state": "operational"}')
    (tmp_path / "style.css").write_text("p { color: red }")
    confirm(tmp_path, NOW - timedelta(seconds=30))
    return tmp_path


def confirm(folder: Path, at: datetime) -> None:
    (folder / "heartbeat.json").write_text(json.dumps({"confirmed_at": at.isoformat()}))


def ask(folder: Path, target: str = "/", method: str = "GET", **headers: str) -> Any:
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.Site(folder).answer(method, target, asked, NOW)


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse(FILE.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_fresh_copy_says_when_it_was_confirmed(folder: Path) -> None:
    text = ask(folder).body.decode()
    assert "Confirmed" in text and "12:00:00 UTC" in text and "Not confirmed" not in text
    assert text.count("Confirmed") == 1 and "&lt;!--freshness--&gt;" in text
    assert json.loads(ask(folder, "/status.json").body)["confirmed"] is True


@pytest.mark.parametrize("at", [NOW - timedelta(minutes=42), NOW + timedelta(hours=1), None])
def test_a_copy_that_nobody_confirms_says_so(folder: Path, at: datetime | None) -> None:
    """Long past, from a clock that is wrong, or never: none of them is to be believed."""
    if at is None:
        (folder / "heartbeat.json").write_text("{not json")
    else:
        confirm(folder, at)
    text = ask(folder).body.decode()
    assert "Not confirmed" in text and "may have changed" in text and "All well" in text
    assert "Not confirmed since" in text or at is None
    assert json.loads(ask(folder, "/status.json").body)["confirmed"] is False
    assert json.loads(ask(folder, "/healthz").body)["confirmed"] is False


OUTSIDE = (
    *("/../secret.html", "/..%2fsecret.html", "/%2e%2e/secret.html", "//etc/passwd", "/etc/passwd", "/.index.html.new"),
    *("/sub/index.html", "/index.html/", "/index.htm", "/link.html", "/folder.html", "/large.html", "/INDEX.HTML"),
    *("/index.html\x00.css", "index.html", "", "http://elsewhere/index.html", "/a" * 900),
)


@pytest.mark.parametrize("target", OUTSIDE)
def test_nothing_but_its_own_plain_files_is_served(folder: Path, target: str) -> None:
    (folder.parent / "secret.html").write_text("secret")
    (folder / "link.html").symlink_to(folder.parent / "secret.html")
    (folder / "folder.html").mkdir()
    (folder / "sub").mkdir()
    (folder / "sub" / "index.html").write_text("secret")
    (folder / ".index.html.new").write_text("secret")
    (folder / "large.html").write_bytes(b"secret" * 400_000)
    answer = ask(folder, target)
    assert answer.status == 404 and b"secret" not in answer.body


def test_what_has_not_changed_is_not_sent_again(folder: Path) -> None:
    first = ask(folder, "/style.css")
    again = ask(folder, "/style.css", if_none_match=f'"other", W/{first.headers["ETag"]}')
    assert first.status == 200 and again.status == 304 and again.body == b""
    page = ask(folder)
    confirm(folder, NOW - timedelta(minutes=42))
    assert ask(folder, if_none_match=page.headers["ETag"]).status == 200, "it says something else now"


def test_it_is_only_read(folder: Path) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "get"):
        answer = ask(folder, method=method)
        assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"


def test_before_anything_was_published_it_says_that(tmp_path: Path) -> None:
    answer = ask(tmp_path / "nowhere")
    assert answer.status == 503 and b"No status has been published" in answer.body
    assert ask(tmp_path / "nowhere", "/healthz").status == 200


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, number = tmp_path_factory.mktemp("published"), free_port()
    (folder / "index.html").write_text("<h1>All well</h1><!--freshness-->")
    command = [sys.executable, "-I", str(FILE), "--folder", str(folder), "--port", str(number)]
    process = subprocess.Popen(command, env={"PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", number)) and time.monotonic() < end:
            time.sleep(0.02)
        yield number
    finally:
        process.terminate()
        assert process.wait(10) == 0


def raw(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while part := connection.recv(65_536):
            found += part
        return found


def test_on_the_wire(port: int) -> None:
    """A real process; somebody who asks for nothing, slowly, keeps nobody else waiting."""
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET / HT")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/?from=mail")
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200 and b"All well" in text and b"Not confirmed" in text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Frame-Options"] == "DENY"
    head = raw(port, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK") and head.endswith(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(text) in head
    assert raw(port, b"\x16\x03\x01 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(port, b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000).startswith(b"HTTP/1.1 431")
    assert raw(port, b"GET / HTTP/1.1\r\n") == b""
