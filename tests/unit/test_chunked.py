"""What is sent in chunks has its length by the time that it is read."""

from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from asgiref.testing import ApplicationCommunicator

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
        asked = ApplicationCommunicator(Gathered(WSGIMiddleware(reads)), {**scope, "http_version": "1.1"})
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
