"""Sockets whose messages are compressed once, however many browsers they go to.

Left to itself each socket compresses in the light of what it sent before, so that the same fragment was compressed five
hundred times for five hundred people: most of what it cost to tell them. Here no message leans on another, and the next
socket takes what the one before it made.
"""

import zlib
from functools import lru_cache
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import CTRL_OPCODES, OP_CONT, Frame

SHORT = 200  # bytes that are sooner sent than compressed
END = b"\x00\x00\xff\xff"  # of a flushed block, which the protocol leaves out


@lru_cache(maxsize=16)
def compressed(message: bytes, window: int) -> bytes:
    """A message by itself. Few are under way at once, and each for all its sockets in a row."""
    encoder = zlib.compressobj(wbits=-window)
    return (encoder.compress(message) + encoder.flush(zlib.Z_SYNC_FLUSH)).removesuffix(END)


class Deflate(PerMessageDeflate):
    def encode(self, frame: Frame) -> Frame:
        """Whole messages alone: uvicorn sends no others."""
        if frame.opcode in CTRL_OPCODES or frame.opcode is OP_CONT or not frame.fin or len(frame.data) < SHORT:
            return frame
        data = compressed(bytes(frame.data), self.local_max_window_bits)
        return Frame(frame.opcode, data, frame.fin, True, frame.rsv2, frame.rsv3)


class DeflateFactory(ServerPerMessageDeflateFactory):
    def __init__(self) -> None:
        super().__init__(server_no_context_takeover=True, client_max_window_bits=12)

    def process_request_params(self, *asked: Any) -> Any:
        params, agreed = super().process_request_params(*asked)
        windows = agreed.remote_max_window_bits, agreed.local_max_window_bits
        return params, Deflate(agreed.remote_no_context_takeover, agreed.local_no_context_takeover, *windows)


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, with that in place of its compression."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.available_extensions = [DeflateFactory()]
