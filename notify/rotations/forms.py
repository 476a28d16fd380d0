"""Forms of rotations and overrides."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.forms import BoundField
from django.utils import timezone

from accounts.selectors import people_at
from ledger import Invalid
from notify.rotations.layers import DAYS
from notify.rotations.models import Rotation

ROOM = 1
MOST = 10
PARTS = ("people", "every", "unit", "starts", "hand_over", "days", "from_time", "until_time")
UNITS = [("weeks", "weeks"), ("days", "days"), ("hours", "hours")]
LOCAL = "%Y-%m-%dT%H:%M"


class RotationForm(forms.Form):
    """A layer without anybody is left out; of those that cover a moment, the last one counts."""

    name = forms.CharField(max_length=80)
    slug = forms.SlugField(label="Short name", max_length=63, help_text="How ladders name it: primary.")
    zone = forms.CharField(
        label="Time zone", max_length=64, initial="UTC", help_text="Hand-overs are in its time: Europe/Berlin."
    )

    def __init__(self, data: Any = None, *, rotation: Rotation | None = None) -> None:
        super().__init__(data, initial=_initial(rotation) if rotation else {})
        if rotation:
            del self.fields["slug"]
        posted = sum(1 for name in self.data if name.startswith("people_"))
        self.rows = min(max((len(rotation.layers) if rotation else 0) + ROOM, posted), MOST)
        for row in range(self.rows):
            self.fields.update({f"{part}_{row}": field for part, field in _layer_fields().items()})

    def general(self) -> list[BoundField]:
        return [self[name] for name in ("name", "slug", "zone") if name in self.fields]

    def layers(self) -> list[dict[str, BoundField]]:
        return [{part: self[f"{part}_{row}"] for part in PARTS} for row in range(self.rows)]

    def asked(self) -> list[dict[str, Any]]:
        return [self._layer(row) for row in self._filled()]

    def _filled(self) -> list[int]:
        return [row for row in range(self.rows) if self.cleaned_data.get(f"people_{row}", "").strip()]

    def _layer(self, row: int) -> dict[str, Any]:
        found = {part: self.cleaned_data.get(f"{part}_{row}") for part in PARTS}
        found["people"] = str(found["people"]).replace(",", " ").split()
        found["starts"] = found["starts"] or timezone.now().date()
        return {part: value for part, value in found.items() if value not in (None, "")}

    def refuse(self, error: Invalid) -> None:
        """At the row that is meant: empty rows were left out when they were counted."""
        parts = error.field.split(".")
        name: str | None = parts[0]
        if parts[0] == "layers":
            row = self._filled()[int(parts[1])] if len(parts) > 1 else 0
            part = parts[2] if len(parts) > 2 and parts[2] in PARTS else "people"
            name = f"{part}_{row}"
        self.add_error(name if name in self.fields else None, f"{error.message}: {error.hint}")


def _layer_fields() -> dict[str, forms.Field]:
    date = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def time() -> forms.TimeInput:
        return forms.TimeInput(attrs={"type": "time"}, format="%H:%M")

    return {
        "people": forms.CharField(
            required=False,
            max_length=2000,
            label="People",
            help_text="Usernames in the order of their turns: ana, ben.",
            widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
        ),
        "every": forms.IntegerField(required=False, min_value=1, max_value=365, initial=1, label="A turn lasts"),
        "unit": forms.ChoiceField(required=False, choices=UNITS, label="of these"),
        "starts": forms.DateField(required=False, widget=date, label="First turn begins on"),
        "hand_over": forms.TimeField(required=False, widget=time(), initial="09:00", label="Handed over at"),
        "days": forms.MultipleChoiceField(
            required=False,
            choices=[(day, day.capitalize()) for day in DAYS],
            widget=forms.CheckboxSelectMultiple,
            label="Only on these days",
        ),
        "from_time": forms.TimeField(required=False, widget=time(), label="Only from"),
        "until_time": forms.TimeField(required=False, widget=time(), label="until"),
    }


def _initial(rotation: Rotation) -> dict[str, Any]:
    found: dict[str, Any] = {"name": rotation.name, "zone": rotation.zone}
    for row, layer in enumerate(rotation.layering):
        found |= {f"{part}_{row}": getattr(layer, part) for part in PARTS}
        found[f"people_{row}"], found[f"days_{row}"] = ", ".join(layer.people), list(layer.days)
    return found


def _moment(label: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL)
    return forms.DateTimeField(input_formats=[LOCAL], label=label, widget=widget)


class OverrideForm(forms.Form):
    """Somebody stands in. Times are the rotation's own."""

    user = forms.ChoiceField(label="Who stands in")
    since = _moment("From")
    until = _moment("Until")
    reason = forms.CharField(max_length=200, required=False)

    def __init__(self, data: Any = None, *, zone: str) -> None:
        super().__init__(data)
        self.zone = ZoneInfo(zone)
        user = self.fields["user"]
        assert isinstance(user, forms.ChoiceField)
        user.choices = [(one.username, str(one)) for one in people_at("responder")]
        for name in ("since", "until"):
            self.fields[name].help_text = f"In the time of {zone}."

    def clean(self) -> dict[str, Any]:
        """What was typed is the wall clock's there."""
        data: dict[str, Any] = super().clean() or {}
        for name in ("since", "until"):
            if data.get(name):
                data[name] = data[name].replace(tzinfo=self.zone)
        return data
