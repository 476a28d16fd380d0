"""What is sent in chunks has its length by the time that it is read; what is short comes and goes in one piece, and
what is long comes and goes as it flows."""

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from config.bridge import HELD, SHORT, Bridge
from config.chunked import MOST, Gathered
from tests import loops


def reads(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """As Django does: no further than the length."""
    start_response("200 OK", [])
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return [f"{length} {'HTTP_TRANSFER_ENCODING' in environ} ".encode() + environ["wsgi.input"].read(length)[:20]]


@pytest.mark.parametrize(
    ("headers", "parts", "answered"),
    [
        ([(b"transfer-encoding", b"chunked")], [b'{"a"', b": 1", b"}"], b'8 False {"a": 1}'),
        ([(b"transfer-encoding", b"chunked")], [b""], b"0 False "),
        ([(b"content-length", b"2")], [b"ab"], b"2 False ab"),
        ([(b"transfer-encoding", b"chunked")], [b"x" * MOST, b"y", b"z"], f"{MOST + 1} False {'x' * 20}".encode()),
    ],
)
def test_a_body_without_a_length_is_read_whole_and_no_longer_than_anybody_takes(
    headers: list[tuple[bytes, bytes]], parts: list[bytes], answered: bytes
) -> None:
    async def ask() -> bytes:
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
        asked = ApplicationCommunicator(Gathered(Bridge(reads)), {**scope, "http_version": "1.1"})
        for number, part in enumerate(parts, 1):
            await asked.send_input({"type": "http.request", "body": part, "more_body": number < len(parts)})
        await asked.receive_output()
        said = b""
        while True:
            message = await asked.receive_output()
            said += message.get("body", b"")
            if not message.get("more_body"):
                return said

    assert loops.run(ask()) == answered


@pytest.mark.parametrize(("size", "parts"), [(3, 1), (HELD + 1, 2), (3 * HELD, 3)])
def test_a_short_answer_leaves_in_one_piece_and_a_long_one_as_it_is_made(size: int, parts: int) -> None:
    def answers(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("X-Length", environ["CONTENT_LENGTH"])])
        left = size
        while left:
            yield b"x" * min(left, HELD // 2 + 1)
            left -= min(left, HELD // 2 + 1)

    async def ask() -> list[Any]:
        headers = [(b"content-length", str(SHORT + 1).encode())]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
        asked = ApplicationCommunicator(Bridge(answers), {**scope, "http_version": "1.1"})
        said = [await asked.receive_output()]
        while not said[1:] or said[-1]["more_body"]:
            said.append(await asked.receive_output())
        return said

    started, *flowing = loops.run(ask())
    assert (started["status"], started["headers"]) == (200, [(b"x-length", str(SHORT + 1).encode())])
    assert sum(len(one["body"]) for one in flowing) == size and len(flowing) == parts


def test_whoever_goes_before_they_have_asked_is_not_answered() -> None:
    async def ask() -> bool:
        headers = [(b"content-length", b"5")]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
        asked = ApplicationCommunicator(Bridge(reads), {**scope, "http_version": "1.1"})
        await asked.send_input({"type": "http.request", "body": b"ab", "more_body": True})
        await asked.send_input({"type": "http.disconnect"})
        return bool(await asked.receive_nothing())

    assert loops.run(ask())
