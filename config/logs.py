"""Structured logs: one JSON object a line in production, readable lines in the demo."""

import re
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

# Addresses that are secrets themselves: whoever reads one in a log could send alerts, join, or take over an account.
_SECRET_PATH = re.compile(
    r"(/api/v1/inbound/|/accounts/invitation/|/accounts/password/reset/key/|/accounts/confirm-email/|/sign/)[^/\s'\"?]+"
)


def _without_secrets(_logger: Any, _name: str, event: Any) -> Any:
    for key, value in event.items():
        if isinstance(value, str) and ("/a" in value or "/sign/" in value):
            event[key] = _SECRET_PATH.sub(r"\1…", value)
    return event


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    _without_secrets,
]
# A traceback with its frames' variables would write passwords, tokens and keys into the log.
TRACEBACKS = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


def configure(*, as_json: bool, level: str) -> dict[str, Any]:
    """Sets structlog up and returns Django's LOGGING; request_id, scope and work ids come from bound context."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            _only_what_tells,
            structlog.processors.format_exc_info if as_json else _keep,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: list[Processor] = (
        [TRACEBACKS, structlog.processors.JSONRenderer(), _scrubbed]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            ),
            _scrubbed,
        ]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
                "foreign_pre_chain": SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"handlers": [], "propagate": True},
            "uvicorn.access": {"level": "WARNING"},
            # A hint every two seconds is no news; what the work did is said by the work.
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.worker.request": {"level": "WARNING"},  # that a sweep came too late to matter
            "celery.app.trace": {"level": "WARNING"},
            "django_structlog.celery": {"level": "WARNING"},
            "mail.log": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "web3": {"level": "WARNING"},
            "safe_eth": {"level": "ERROR"},
        },
    }


def _only_what_tells(_logger: Any, _name: str, event: Any) -> Any:
    """One line a request; probes and scrapers are answered before there is one (config/health.py)."""
    if event.get("event") == "request_started":
        raise structlog.DropEvent
    return event


def bind_address(request: Any, **_: Any) -> None:
    """The address that called: the server has put the real one in place, and no header of the caller's says another."""
    structlog.contextvars.bind_contextvars(ip=request.META.get("REMOTE_ADDR", ""))


def _scrubbed(_logger: Any, _name: str, line: Any) -> Any:
    """The last look at the whole line: no value of a named secret that this process has opened."""
    from integrations.secrets.scrubbing import scrub

    return scrub(line) if isinstance(line, str) else line


def _keep(_logger: Any, _name: str, event: Any) -> Any:
    return event
