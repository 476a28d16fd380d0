"""The web process: plain HTTP through WSGI threads (three times the throughput), sockets through Channels."""

import gc
import os
from functools import partial
from typing import Any

from config.chunked import Gathered
from config.headroom import with_headroom
from config.start import settings_or_exit

THREADS = int(os.environ.get("WEB_THREADS", "8"))
os.environ.setdefault("DATABASE_POOL", str(THREADS + 8))  # request threads, and some for sockets
settings_or_exit()

from channels.auth import AuthMiddlewareStack  # noqa: E402  (Django's settings come first)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

from config.bridge import Bridge  # noqa: E402

wsgi: Any = get_wsgi_application()

from config.sockets import routes  # noqa: E402  (needs the rooms to be loaded)

gc.freeze()  # what was loaded stays: no request has to wait while it is looked through for garbage


async def lifespan(_scope: Any, receive: Any, send: Any) -> None:
    """Nothing to prepare: says so, so that the server does not have to guess."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = ProtocolTypeRouter(
    {
        "http": Gathered(Bridge(partial(with_headroom, wsgi), workers=THREADS)),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(routes()))),
        "lifespan": lifespan,
    }
)
