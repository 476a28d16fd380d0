"""Saving playbooks: every change is a new version, and only what lints."""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.db import transaction

from ledger import Invalid, Refused, record
from runbooks.playbooks.lint import lint
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.schema import Playbook as Document

MAX_NOTE = 200
LIBRARY = Path(__file__).resolve().parent.parent / "library"


@lru_cache(maxsize=256)
def parse(yaml: str) -> Document:
    """The playbook, or Invalid with the first problem's place. Reading YAML is slow, and a text never changes."""
    linted = lint(yaml)
    if linted.playbook is None:
        more = f" and {len(linted.problems) - 1} more" if len(linted.problems) > 1 else ""
        first = linted.problems[0]
        raise Invalid("yaml", f"line {first.line}, column {first.column}: {first.message}{more}", first.hint)
    return linted.playbook


class Outdated(Refused):
    """Somebody saved a version after the one that this text was made from. Nothing was stored."""

    def __init__(self, newest: PlaybookVersion) -> None:
        super().__init__(
            f"version {newest.number} was saved meanwhile by {newest.created_by}",
            f"compare with version {newest.number}, then save with base {newest.number}",
            "version-outdated",
        )
        self.newest = newest


@transaction.atomic
def save_version(
    *, yaml: str, actor: str, slug: str | None = None, note: str = "", base: int | None = None
) -> PlaybookVersion:
    """Store a new version; the same text as the newest version is that version. `slug`: which playbook is edited.

    `base` is the number of the version that the text was made from, 0 for a new playbook: if that is no longer the
    newest, this is Outdated. None says that the caller knows what it overwrites.
    """
    document = parse(yaml)
    if slug is not None and document.playbook != slug:
        raise Invalid("yaml", f"`playbook:` says {document.playbook}, but this is {slug}", f"write `playbook: {slug}`")
    playbook, _ = Playbook.objects.get_or_create(
        slug=document.playbook, defaults={"title": document.title, "summary": document.summary}
    )
    playbook = Playbook.objects.select_for_update().get(pk=playbook.pk)
    newest = playbook.versions.order_by("-number").first()
    if newest and newest.yaml == yaml:
        return newest
    if playbook.archived:
        raise Refused("this playbook is archived", "take it out of the archive first")
    if base is not None and newest and newest.number != base:
        raise Outdated(newest)
    version = PlaybookVersion.objects.create(
        playbook=playbook,
        number=newest.number + 1 if newest else 1,
        yaml=yaml,
        sha256="0x" + hashlib.sha256(yaml.encode()).hexdigest(),
        note=_one_line(note),
        created_by=actor,
    )
    Playbook.objects.filter(pk=playbook.pk).update(
        title=document.title, summary=document.summary, when=list(document.when)
    )
    record(
        "playbook.version.saved",
        actor=actor,
        subject=playbook.subject,
        before={"number": newest.number, "sha256": newest.sha256} if newest else None,
        after={"slug": playbook.slug, "number": version.number, "sha256": version.sha256, "note": version.note},
    )
    return version


def _one_line(note: str) -> str:
    """A note is one line of plain words."""
    words = " ".join(note.split())
    if len(words) > MAX_NOTE:
        raise Invalid("note", f"is longer than {MAX_NOTE} characters", "say in one line what changed and why")
    if any(not char.isprintable() for char in words):
        raise Invalid("note", "holds a character that cannot be printed")
    return words


@transaction.atomic
def set_archived(*, playbook: Playbook, archived: bool, actor: str) -> Playbook:
    """Out of the list and no longer suggested, or back. Runs and versions stay as they are."""
    held = Playbook.objects.select_for_update().get(pk=playbook.pk)
    if held.archived == archived:
        return held
    Playbook.objects.filter(pk=held.pk).update(archived=archived)
    held.archived = archived
    verb = "playbook.archived" if archived else "playbook.unarchived"
    record(verb, actor=actor, subject=held.subject, after={"slug": held.slug})
    return held


def load_library(*, actor: str) -> list[PlaybookVersion]:
    """The playbooks that come along. What was stored once is not stored again: people may have edited it since."""
    return [_load(path.stem, path.read_text(encoding="utf-8"), actor) for path in sorted(LIBRARY.glob("*.yaml"))]


def _load(slug: str, yaml: str, actor: str) -> PlaybookVersion:
    stored = PlaybookVersion.objects.filter(playbook__slug=slug, yaml=yaml).first()
    return stored or save_version(yaml=yaml, actor=actor, slug=slug, note="from the library")
