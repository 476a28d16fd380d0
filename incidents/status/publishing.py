"""The page published to second places, so that it stays when everything here is down.

A place is a folder (served by `tools/status_server.py`, a process of its own) or an address that takes files by PUT.
Each place is one row of work, done again whenever something public changes and, by beat, at least once a minute: then
it is looked at again, mended if anything there is not as it should be, and its heartbeat says that this is still true.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils import timezone

from incidents.status.document import page
from incidents.status.drawing import as_feed, as_json, as_page, as_text, sheet
from incidents.status.models import Publication
from integrations import outgoing
from ledger import record
from ledger.services import Alarm, alarm
from work import Done, Lease, Outcome, Retry, Wait
from work.services import repeat

KIND = "status.publish"
ACTOR = "system:status"
HEARTBEAT = "heartbeat.json"
MARK = "<!--freshness-->"
TOGETHER = timedelta(seconds=2)  # changes that come this close are published as one
TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "atom": "application/atom+xml; charset=utf-8",
    "css": "text/css; charset=utf-8",
}


class NotPublished(Exception):
    """A place did not take a file; its text is for operators."""


class Place(Protocol):
    """Where the files go. `put` replaces one as a whole or not at all."""

    def has(self, name: str, content: bytes) -> bool: ...

    def put(self, name: str, content: bytes) -> None: ...


class Folder:
    """Files are written beside their names and renamed: a reader sees the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, name: str, content: bytes) -> bool:
        try:
            return (self.path / name).read_bytes() == content
        except OSError:
            return False

    def put(self, name: str, content: bytes) -> None:
        fresh = self.path / f".{name}.new"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            fresh.chmod(0o644)
            fresh.replace(self.path / name)
        except OSError as error:
            raise NotPublished(f"{self.path} does not take {name}: {error.strerror}") from error


class Address:
    """PUT of each file below an address: a bucket's gateway, WebDAV, whatever takes it. What is there is not asked."""

    def __init__(self, url: str, authorization: str) -> None:
        self.url, self.authorization = url.rstrip("/"), authorization

    def has(self, name: str, content: bytes) -> bool:
        return False

    def put(self, name: str, content: bytes) -> None:
        headers = {"Content-Type": TYPES[name.rpartition(".")[2]], "Cache-Control": "max-age=5"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        try:
            answer = outgoing.request("PUT", f"{self.url}/{name}", headers=headers, body=content)
        except outgoing.OutgoingError as error:
            raise NotPublished(error.message) from error
        if not 200 <= answer.status < 300:
            raise NotPublished(f"it answered {answer.status} to {name}")


def places() -> dict[str, Place]:
    """Those of the settings; each is published to by itself, so that one that fails holds up no other."""
    found: dict[str, Place] = {}
    if settings.STATUS_DIR:
        found["folder"] = Folder(Path(settings.STATUS_DIR))
    if settings.STATUS_PUT_URL:
        found["put"] = Address(settings.STATUS_PUT_URL, settings.STATUS_PUT_AUTHORIZATION)
    return found


def ask(actor: str = ACTOR) -> None:
    """Have every place brought up to date; in the caller's transaction."""
    for name in places():
        repeat(KIND, key=name, actor=actor, payload={"place": name})


def publish(lease: Lease) -> Outcome:
    """The work `status.publish` of one place."""
    name = str(lease.work.payload["place"])
    place = places().get(name)
    if place is None:
        return Done({"nothing": "the settings name no such place any more"})
    known, _ = Publication.objects.get_or_create(place=name)
    now = timezone.now()
    if known.confirmed_at and timedelta() <= now - known.confirmed_at < TOGETHER:
        return Wait(known.confirmed_at + TOGETHER, "it was published a moment ago")
    files, digest = draw(name, now, known)
    try:
        changed = _bring(place, files, lease)
    except NotPublished as error:
        with lease.commit():
            _failed(known, str(error))
        return Retry(str(error))
    with lease.commit() as turn:
        _confirmed(known, digest, now)
        turn.end(Wait(now, "something changed meanwhile") if turn.row.woken else Done({"files": changed}))
    return Done()


def draw(name: str, now: datetime, known: Publication) -> tuple[dict[str, bytes], str]:
    """Every file, and the digest of what they say: a file changes only with its words."""
    found = page()
    said = as_json(found)
    digest = hashlib.sha256(as_text(said).encode()).hexdigest()
    at = known.changed_at if known.changed_at and known.digest == digest else now
    html = as_page(found, at)
    if name == "put":  # no server of ours stands there to say how old it is
        html = html.replace(MARK, _confirmed_words(now))
    times = {"published_at": at.isoformat(), **({"confirmed_at": now.isoformat()} if name == "put" else {})}
    texts = {
        "style.css": sheet(),
        "feed.atom": as_feed(found, at),
        "status.json": as_text({**said, **times}),
        "index.html": html,
        HEARTBEAT: json.dumps({"confirmed_at": now.isoformat(), "digest": digest}),
    }
    return {file: text.encode() for file, text in texts.items()}, digest


def _confirmed_words(now: datetime) -> str:
    minutes = settings.STATUS_STALE_AFTER // 60
    return (
        f'<p class="st-fresh">Confirmed at {now:%H:%M UTC on} {now.day} {now:%B %Y}. Where that is more than '
        f"{minutes} minutes ago, the desk cannot be reached and what stands below may have changed.</p>"
    )


def _bring(place: Place, files: Mapping[str, bytes], lease: Lease) -> int:
    """The heartbeat last: it speaks for the others."""
    changed = 0
    for name, content in files.items():
        if not place.has(name, content):
            lease.check()
            place.put(name, content)
            changed += name != HEARTBEAT
    return changed


def _confirmed(known: Publication, digest: str, now: datetime) -> None:
    if known.error:
        record("status.place.mended", actor=ACTOR, subject=_subject(known), alarm=_alarm(known, cleared=True))
    if known.digest != digest:
        known.number += 1
        known.changed_at = now
        after = {"place": known.place, "number": known.number, "digest": digest}
        record("status.published", actor=ACTOR, subject=_subject(known), before={"digest": known.digest}, after=after)
    known.digest, known.confirmed_at, known.error = digest, now, ""
    known.save()


def _failed(known: Publication, error: str) -> None:
    """Said once, when it begins: a page that cannot be brought up to date misleads everybody who reads it."""
    if not known.error:
        record("status.place.failing", actor=ACTOR, subject=_subject(known), reason=error, alarm=_alarm(known))
    known.error = error[:300]
    known.save(update_fields=["error"])


def _subject(known: Publication) -> str:
    return f"status:{known.place}"


def _alarm(known: Publication, *, cleared: bool = False) -> Alarm:
    title = f"The status page cannot be published to its {known.place}"
    return alarm(f"status_unpublished:{known.place}", "SEV3", cleared=cleared, title=title)
