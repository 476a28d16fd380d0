"""What people read before a run begins: what was asked for, what is known only later, what differs from last time."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.plans.diff import Change
from governance.plans.schema import Reference
from governance.plans.selectors import changes_between
from governance.plans.services import known_values
from runbooks.playbooks.selectors import document_of
from runbooks.runs.models import NEVER_BEGUN, Run
from runbooks.runs.selectors import last_before

STEP = re.compile(r"\.steps\[([^\]]+)\](.*)")
UNTOLD = (".source.sha256",)  # the version says it


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that this plan does otherwise than the last one, in one line."""

    what: str
    kind: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """The plan of a run, for its page."""

    inputs: tuple[tuple[str, str, str], ...]  # the title, the words, and the address where it is one
    references: tuple[tuple[Reference, Any], ...]  # each with its value, once it is known
    before: Run | None
    differences: tuple[Difference, ...]


def about_plan(run: Run, viewer: Any) -> About:
    document, specs = run.plan.parsed(), document_of(run.version).inputs
    known = known_values(run.plan)
    before = last_before(run, viewer) if run.status in NEVER_BEGUN else None
    titles = {name: spec.title or name.replace("_", " ").capitalize() for name, spec in specs.items()}
    return About(
        inputs=tuple((titles.get(name, name), *_input(value)) for name, value in document.inputs.items()),
        references=tuple((reference, known.get(reference.id)) for reference in document.references),
        before=before,
        differences=tuple(differences(changes_between(before.plan, run.plan))) if before else (),
    )


def _input(value: Any) -> tuple[str, str]:
    if isinstance(value, Mapping) and value.get("address"):
        return str(value.get("name", "")), str(value["address"])
    if isinstance(value, Mapping) and value.get("type") == "address":
        return "", str(value.get("value", ""))
    return input_words(value), ""


def input_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("text") or value.get("value") or value.get("name") or "")
    return str(value)


def differences(changes: Iterable[Change]) -> list[Difference]:
    """One line an input or a field; a step that is new or gone is one line, whatever is in it."""
    return [_told(change) for change in changes if not change.path.startswith(UNTOLD)]


def _told(change: Change) -> Difference:
    found = STEP.fullmatch(change.path)
    if found and not found[2]:
        step = change.after if change.kind == "added" else change.before
        return Difference(what=f"step {found[1]}: {step.get('title', '')}", kind=change.kind)
    what = f"step {found[1]}: {found[2].lstrip('.')}" if found else change.path.lstrip(".").replace(".", " ")
    return Difference(what=what, kind=change.kind, before=_short(change.before), after=_short(change.after))


def _short(value: Any) -> str:
    text = "" if value is None else input_words(value) or str(value)
    return text if len(text) <= 160 else f"{text[:157]}…"
