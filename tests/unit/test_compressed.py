"""A socket's messages are compressed once for all who get them, and every browser can read them."""

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from config.compressed import SHORT, DeflateFactory, compressed


def connected(*offers: ClientPerMessageDeflateFactory) -> tuple[ServerProtocol, ClientProtocol]:
    server, client = (
        ServerProtocol(extensions=[DeflateFactory()]),
        ClientProtocol(parse_uri("ws://x/"), extensions=offers or None),
    )
    client.send_request(client.connect())
    server.receive_data(b"".join(client.data_to_send()))
    server.send_response(server.accept(server.events_received()[0]))  # type: ignore[arg-type]  # the request
    client.receive_data(b"".join(server.data_to_send()))
    client.events_received()
    return server, client


@pytest.mark.parametrize("window", [None, 9])
def test_each_message_is_compressed_once_for_all_and_read_by_each(window: int | None) -> None:
    pairs = [connected(ClientPerMessageDeflateFactory(server_max_window_bits=window)) for _ in range(5)]
    compressed.cache_clear()
    for text in (b"<p>one</p>" * 500, b"short", b"<p>two</p>" * 500, b"x" * SHORT):
        for server, client in pairs:
            server.send_text(text)
            sent = b"".join(server.data_to_send())
            assert len(sent) < max(100, len(text) / 10)
            client.receive_data(sent)
            assert [one.data for one in client.events_received() if isinstance(one, Frame)] == [text]
    assert compressed.cache_info().misses == 3
    server, client = pairs[0]
    client.send_text(b"<p>back</p>" * 500)
    server.receive_data(b"".join(client.data_to_send()))
    assert [one.data for one in server.events_received() if isinstance(one, Frame)] == [b"<p>back</p>" * 500]


def test_a_browser_that_cannot_is_sent_it_as_it_is() -> None:
    server, client = connected()
    server.send_text(b"<p>one</p>" * 500)
    sent = b"".join(server.data_to_send())
    client.receive_data(sent)
    assert len(sent) > 5000 and [one.data for one in client.events_received() if isinstance(one, Frame)]
