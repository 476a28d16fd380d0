"""Reads about playbooks."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.reader import Path, read
from runbooks.playbooks.schema import Playbook as Document


def all_playbooks() -> "QuerySet[Playbook]":
    return Playbook.objects.filter(archived=False)


def find_playbooks(*, words: str = "", mode: str = "", archived: bool = False) -> list[Playbook]:
    """By words in name, title or summary, and by a failure mode that it answers. The shelf is small: read whole."""
    found: Iterable[Playbook] = Playbook.objects.filter(archived=archived)
    if mode:
        found = (playbook for playbook in found if mode in playbook.when)
    for word in words.lower().split()[:8]:
        found = [
            playbook
            for playbook in found
            if word in f"{playbook.slug} {playbook.title} {playbook.summary} {' '.join(playbook.when)}".lower()
        ]
    return list(found)


def failure_modes() -> list[str]:
    """Every failure mode that a playbook answers."""
    return sorted({mode for playbook in Playbook.objects.all() for mode in playbook.when})


def version_of(playbook: Playbook, number: int) -> PlaybookVersion | None:
    return playbook.versions.filter(number=number).first()


def step_lines(text: str) -> dict[str, int]:
    """On which line each step's id stands in readable YAML."""
    document = read(text)
    found: dict[str, int] = {}

    def visit(value: Any, path: Path) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("id"), str):
                found[value["id"]] = document.place((*path, "id"))[0]
            for key, item in value.items():
                visit(item, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                visit(item, (*path, index))

    visit(document.data, ())
    return found


def newest_version(playbook: Playbook) -> PlaybookVersion:
    return playbook.versions.order_by("-number")[0]


def newer_version(version: PlaybookVersion) -> PlaybookVersion | None:
    """The newest version of the same playbook, where this is not it."""
    return PlaybookVersion.objects.filter(playbook=version.playbook_id, number__gt=version.number).first()


def suggested(failure_mode: str) -> list[Playbook]:
    """Playbooks that say they answer this failure mode."""
    return [playbook for playbook in all_playbooks() if failure_mode in playbook.when]


def document_of(version: PlaybookVersion) -> Document:
    """A stored version has been linted: it parses."""
    from runbooks.playbooks.services import parse

    return parse(version.yaml)
