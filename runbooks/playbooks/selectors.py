"""Reads about playbooks."""

from functools import lru_cache

from django.db.models import QuerySet

from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.schema import Playbook as Document


def all_playbooks() -> "QuerySet[Playbook]":
    return Playbook.objects.filter(archived=False)


def newest_version(playbook: Playbook) -> PlaybookVersion:
    return playbook.versions.order_by("-number")[0]


def suggested(failure_mode: str) -> list[Playbook]:
    """Playbooks that say they answer this failure mode."""
    return [playbook for playbook in all_playbooks() if failure_mode in playbook.when]


def document_of(version: PlaybookVersion) -> Document:
    """A stored version has been linted: it parses. Reading YAML is slow, and versions never change."""
    return _parsed(version.yaml)


@lru_cache(maxsize=256)
def _parsed(yaml: str) -> Document:
    from runbooks.playbooks.services import parse

    return parse(yaml)
