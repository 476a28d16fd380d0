"""The Celery application: hints only, the truth is in PostgreSQL."""

import os
import warnings
from typing import Any

from config.headroom import with_headroom
from config.start import settings_or_exit

# SIGTERM alone would wait for running tasks without limit; this makes it a soft shutdown. Read when Celery is imported.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
settings_or_exit()

from celery import Celery, Task, signals  # noqa: E402  (after REMAP_SIGTERM)
from celery.exceptions import SecurityWarning  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from kombu.transport.redis import Channel  # noqa: E402
from redis.exceptions import ConnectionError as RedisConnectionError  # noqa: E402

# It warns of root because of pickled messages; ours are JSON and nothing else is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)


class RoomyTask(Task):  # type: ignore[type-arg]
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return with_headroom(super().__call__, *args, **kwargs)


app = Celery("breakglass", task_cls=RoomyTask)
app.set_default()  # for every thread: without this only the importing thread knows its broker
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


_parameters = Channel._connparams  # type: ignore[attr-defined]


def _parameters_while_open(self: Channel, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """A channel whose connection is closed says so in the way that Celery handles.

    When Redis dies, kombu gives back and acknowledges messages over the channel that it has just closed; that was an
    AttributeError, at which a worker ended instead of waiting for Redis to come back.
    """
    if getattr(self.connection, "client", None) is None:
        raise RedisConnectionError("the connection of this channel is closed")
    found: dict[str, Any] = _parameters(self, *args, **kwargs)
    return found


Channel._connparams = _parameters_while_open  # type: ignore[attr-defined]


@signals.setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Django's LOGGING stands; a receiver here is how Celery is told to leave it alone."""


@signals.task_prerun.connect
def _drop_dead_connections(**_: Any) -> None:
    """Connections are reused between tasks; one that died with its server must not fail the next task."""
    close_old_connections()
