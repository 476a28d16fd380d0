"""`python -m config.web`: uvicorn with our logging."""

import os
import sys

import uvicorn

from config.compressed import SocketProtocol
from config.start import settings_or_exit


def main() -> None:
    settings_or_exit()
    port = os.environ.get("PORT", "8000")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        sys.exit(f"breakglass cannot start: PORT is {port!r}: it must be a port number from 1 to 65535")
    uvicorn.run(
        "config.asgi:application",
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(port),
        log_config=None,  # Django's LOGGING
        access_log=False,  # django-structlog writes one with ids
        lifespan="on",
        ws=SocketProtocol,
        timeout_graceful_shutdown=3,
        server_header=False,
    )


if __name__ == "__main__":
    main()
