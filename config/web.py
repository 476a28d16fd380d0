"""`python -m config.web`: uvicorn with our logging."""

import os

import uvicorn

from config.compressed import SocketProtocol
from config.start import settings_or_exit


def main() -> None:
    settings_or_exit()
    uvicorn.run(
        "config.asgi:application",
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", "8000")),
        log_config=None,  # Django's LOGGING
        access_log=False,  # django-structlog writes one with ids
        lifespan="on",
        ws=SocketProtocol,
        timeout_graceful_shutdown=3,
        server_header=False,
    )


if __name__ == "__main__":
    main()
