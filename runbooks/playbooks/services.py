"""Saving playbooks: every change is a new version, and only what lints."""

import hashlib
from pathlib import Path

from django.db import transaction

from ledger import Invalid, record
from runbooks.playbooks.lint import lint
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.schema import Playbook as Document

LIBRARY = Path(__file__).resolve().parent.parent / "library"


def parse(yaml: str) -> Document:
    """The playbook, or Invalid with the first problem's place."""
    linted = lint(yaml)
    if linted.playbook is None:
        more = f" and {len(linted.problems) - 1} more" if len(linted.problems) > 1 else ""
        first = linted.problems[0]
        raise Invalid("yaml", f"line {first.line}, column {first.column}: {first.message}{more}", first.hint)
    return linted.playbook


@transaction.atomic
def save_version(*, yaml: str, actor: str, slug: str | None = None) -> PlaybookVersion:
    """Store a new version; the same text as the newest version is that version. `slug`: which playbook is edited."""
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
    version = PlaybookVersion.objects.create(
        playbook=playbook,
        number=newest.number + 1 if newest else 1,
        yaml=yaml,
        sha256="0x" + hashlib.sha256(yaml.encode()).hexdigest(),
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
        after={"slug": playbook.slug, "number": version.number, "sha256": version.sha256},
    )
    return version


def load_library(*, actor: str) -> list[PlaybookVersion]:
    return [save_version(yaml=path.read_text(encoding="utf-8"), actor=actor) for path in sorted(LIBRARY.glob("*.yaml"))]
