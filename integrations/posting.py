"""What channels that speak HTTP have in common: one POST, and what its answer means for the copy that was sent."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from integrations.channels import Undelivered
from integrations.outgoing import Answer, OutgoingError, Unusable, read_url, request
from integrations.secrets.scrubbing import take_out

PASSING = (408, 423, 425, 429)
"""Below 500, these say "not now"."""
GONE = (404, 410)
LONGEST_REASON = 240
TIMEOUT = 10.0
"""Seconds for one request and its whole answer."""


def post_json(url: str, content: Any, *, secrets: Iterable[str], headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return post(url, body, secrets=secrets, headers={"Content-Type": "application/json", **(headers or {})})


def post(url: str, body: bytes, *, secrets: Iterable[str], headers: Mapping[str, str]) -> Answer:
    """The answer, whatever it is; Undelivered if none came. No secret is in what it says."""
    try:
        return request("POST", url, headers=headers, body=body, timeout=TIMEOUT)
    except OutgoingError as error:
        reason = take_out(error.message, secrets)[:LONGEST_REASON]
        closed = error.permanent and not isinstance(error, Unusable)
        raise Undelivered(reason, permanent=error.permanent, closed=closed) from None


def accepted(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def refusal(
    who: str,
    answer: Answer,
    *,
    secrets: Iterable[str],
    said: str = "",
    closed: Collection[int] = GONE,
    after: timedelta | None = None,
) -> Undelivered:
    """Why this answer is no delivery. `closed`: statuses that mean that the destination itself is no more."""
    status = answer.status
    text = " ".join(take_out(said or _text(answer), secrets).split())
    reason = f"{who} answered {status}{': ' if text else ''}{text}"[:LONGEST_REASON]
    if status in PASSING or (status >= 500 and status != 501):
        return Undelivered(reason, permanent=False, after=after or retry_after(answer))
    if 300 <= status < 400:
        return Undelivered(f"{reason} (a redirect is not followed: enter where it leads)", permanent=True)
    return Undelivered(reason, permanent=True, closed=status in closed)


def retry_after(answer: Answer) -> timedelta | None:
    """`Retry-After`, in seconds or as a date; None where there is none that can be read."""
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return None
    if (pause := seconds(value)) is not None:
        return pause
    try:
        moment = parsedate_to_datetime(value)
        left = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)
    except (ValueError, OverflowError):
        return None
    return max(left, timedelta())


def seconds(value: Any) -> timedelta | None:
    """A pause that a receiver named, as a number or its text."""
    try:
        return timedelta(seconds=min(max(float(value), 0.0), 366 * 86_400.0))
    except (TypeError, ValueError):
        return None


def _text(answer: Answer) -> str:
    """What was said in so many words; a page of HTML says nothing here."""
    text = answer.body[:2_000].decode("utf-8", "replace")
    return "" if text.lstrip().startswith("<") else "".join(char if char.isprintable() else " " for char in text)


def as_json(answer: Answer) -> dict[str, Any]:
    """The object that was answered, or an empty one."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# --- addresses in configs


def is_address(value: str) -> str:
    """For validators: an address that may be called at all; where it leads is looked at when it is."""
    try:
        read_url(value.strip())
    except OutgoingError as error:
        raise ValueError(error.message) from None
    return value.strip()


def is_secret_address(value: SecretStr) -> SecretStr:
    return SecretStr(is_address(value.get_secret_value()))


def shown(url: str, *, parts: int = 0) -> str:
    """Host and the first `parts` of the path, and a print of the whole: tells two addresses apart, gives none away."""
    found = urlsplit(url)
    path = "/".join(found.path.strip("/").split("/")[:parts]) if parts else ""
    return f"{(found.hostname or '')[:200]}{'/' if path else ''}{path} · {fingerprint(url)}"


def fingerprint(secret: str) -> str:
    """Eight characters that tell one secret from another. Of a guessable one they would give too much away."""
    return hashlib.sha256(b"breakglass destination\0" + secret.encode()).hexdigest()[:8]
