"""/healthz: the process answers. /readyz: what it needs answers too. /metrics: Prometheus, behind a token."""

import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus import exports

from integrations.models import Chain

logger = logging.getLogger(__name__)


class NotReady(Exception):
    """Why a part is not ready: a fixed text, never an exception's."""


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> HttpResponse:
    parts = {name: _state(probe) for name, probe in PARTS.items()}
    ready = all(part["ok"] for part in parts.values())
    if not ready:
        logger.warning("not ready: %s", "; ".join(str(part["error"]) for part in parts.values() if not part["ok"]))
    return JsonResponse({"status": "ready" if ready else "not ready", "parts": parts}, status=200 if ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """404 where no token is set, 401 without the right one."""
    if not settings.METRICS_TOKEN:
        return HttpResponse(status=404)
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    if not secrets.compare_digest(given, settings.METRICS_TOKEN.encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    answer: HttpResponse = exports.ExportToDjangoView(request)
    return answer


def _state(probe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    started = time.monotonic()
    try:
        details = probe()
    except NotReady as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True, "ms": round((time.monotonic() - started) * 1000, 1), **details}


def _database() -> dict[str, Any]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        connection.close()
        raise NotReady("the database does not answer") from error
    return {}


def _broker() -> dict[str, Any]:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        raise NotReady("the broker does not answer") from error
    return {}


def _chains() -> dict[str, Any]:
    """The age of the newest block that we follow, of every chain that we ask."""
    try:
        asked = Chain.objects.exclude(kind=Chain.Kind.FORK).filter(endpoints__enabled=True)
        newest = dict(asked.annotate(newest=Max("heads__timestamp")).values_list("short_name", "newest"))
    except DatabaseError as error:
        raise NotReady("the database does not answer") from error
    ages = {name: (timezone.now() - at).total_seconds() if at else None for name, at in newest.items()}
    old = sorted(name for name, age in ages.items() if age is None or age > settings.READY_HEAD_AGE)
    if old:
        raise NotReady(f"no block newer than {settings.READY_HEAD_AGE} s of: {', '.join(old)}")
    return {"head_age_s": {name: round(age or 0, 1) for name, age in ages.items()}}


class AskedByAddress:
    """Middleware: probes and scrapers name the process by its address, which is no host of ours, so they are answered
    before anything looks at the host. Nothing in these answers depends on it."""

    ADDRESSES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = self.ADDRESSES.get(request.path_info)
        return view(request) if view else self.get_response(request)


PARTS: dict[str, Callable[[], dict[str, Any]]] = {"database": _database, "broker": _broker, "chains": _chains}
