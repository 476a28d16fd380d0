"""The form of a ladder: its steps one below the other, and room for two more."""

from typing import Any

from django import forms
from django.forms import BoundField

from accounts.selectors import people_at
from ledger import Invalid
from notify.audiences.models import Audience
from notify.ladders.models import Ladder
from notify.ladders.steps import ROLES
from notify.rotations.models import Rotation

ROOM = 2
MOST = 20
USED = "A new incident takes the ladder that is called as its protocol, else the one called “incidents”."
LONGEST = 1440


def _minutes(**more: Any) -> forms.FloatField:
    return forms.FloatField(min_value=0, max_value=LONGEST, **more)


def targets() -> list[tuple[str, list[tuple[str, str]]]]:
    """Whom a step can name, by kind."""
    inside = Audience.objects.filter(kind=Audience.Kind.INSIDE).order_by("name")
    groups = [
        ("Rotations", [(one.target, f"{one}: whoever is on call") for one in Rotation.objects.order_by("name")]),
        ("Roles", [(f"role:{role}", f"every {role}, and above") for role in ROLES]),
        ("Audiences", [(f"audience:{one.slug}", str(one)) for one in inside]),
        ("People", [(f"person:{one.username}", str(one)) for one in people_at("responder")]),
    ]
    return [(name, choices) for name, choices in groups if choices]


def minutes(seconds: int) -> float | int:
    return seconds // 60 if seconds % 60 == 0 else seconds / 60


class LadderForm(forms.Form):
    """A step without anybody is left out."""

    name = forms.CharField(max_length=80)
    slug = forms.SlugField(label="Short name", max_length=63, help_text=USED)
    repeats = forms.IntegerField(min_value=0, max_value=20, initial=2, label="Go through it again", help_text="times.")
    pause = _minutes(initial=5, label="Minutes before it is gone through again")
    lapse = _minutes(
        initial=30,
        label="Minutes after which an acknowledgement lapses",
        help_text="if nobody does anything for it meanwhile; 0: never.",
    )

    def __init__(self, data: Any = None, *, ladder: Ladder | None = None) -> None:
        super().__init__(data, initial=_initial(ladder) if ladder else {})
        if ladder:
            del self.fields["slug"]
        steps = len(ladder.climbing.steps) if ladder else 1
        posted = sum(1 for name in self.data if name.startswith("after_"))
        self.rows = min(max(steps + ROOM, posted), MOST)
        choices = targets()
        for row in range(self.rows):
            self.fields[f"after_{row}"] = _minutes(required=False, label="Wait, in minutes")
            self.fields[f"targets_{row}"] = forms.MultipleChoiceField(
                choices=choices, required=False, label="Then tell", widget=forms.SelectMultiple(attrs={"size": 6})
            )

    def general(self) -> list[BoundField]:
        return [self[name] for name in self.fields if not name.startswith(("after_", "targets_"))]

    def steps(self) -> list[tuple[BoundField, BoundField]]:
        return [(self[f"after_{row}"], self[f"targets_{row}"]) for row in range(self.rows)]

    def climb(self) -> dict[str, Any]:
        data = self.cleaned_data
        rows = [row for row in range(self.rows) if data.get(f"targets_{row}")]
        steps = [
            {"after": round((data.get(f"after_{row}") or 0) * 60), "targets": data[f"targets_{row}"]} for row in rows
        ]
        times = {name: round(data[name] * 60) for name in ("pause", "lapse")}
        return {"steps": steps, "repeats": data["repeats"], **times}

    def refuse(self, error: Invalid) -> None:
        """At the row that is meant: empty rows were left out when they were counted."""
        filled = [row for row in range(self.rows) if self.cleaned_data.get(f"targets_{row}")]
        parts = error.field.split(".")
        name: str | None = parts[0]
        if parts[0] == "steps":
            row = filled[int(parts[1])] if len(parts) > 1 else 0
            name = f"{'after' if parts[-1] == 'after' else 'targets'}_{row}"
        self.add_error(name if name in self.fields else None, f"{error.message}. {error.hint}".strip())


def _initial(ladder: Ladder) -> dict[str, Any]:
    climb = ladder.climbing
    found: dict[str, Any] = {
        "name": ladder.name,
        "repeats": climb.repeats,
        "pause": minutes(climb.pause),
        "lapse": minutes(climb.lapse),
    }
    for row, step in enumerate(climb.steps):
        found[f"after_{row}"], found[f"targets_{row}"] = minutes(step.after), list(step.targets)
    return found
