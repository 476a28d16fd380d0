"""What a person fills in about a monitor; the kind's own fields are drawn from its config model."""

from collections.abc import Mapping
from typing import Any

from django import forms

from governance.protocols.models import FailureMode, Protocol
from incidents.incidents.forms import MEANING
from incidents.monitors import MonitorType
from incidents.watch.models import SEVERITIES
from incidents.watch.trying import MOST_BLOCKS
from integrations.chain.models import Chain
from integrations.forms import form_for

MUTES = (
    ("30", "half an hour"),
    ("120", "two hours"),
    ("480", "eight hours"),
    ("1440", "a day"),
    ("4320", "three days"),
)


class MonitorForm(forms.Form):
    """What all monitors have."""

    title = forms.CharField(label="Name", max_length=120, help_text="What somebody woken at night should read.")
    slug = forms.SlugField(label="Short name", max_length=63, help_text="It stays: events and alerts name it.")
    chain = forms.ModelChoiceField(Chain.objects.all(), empty_label=None)
    severity = forms.ChoiceField(choices=[(name, MEANING[name]) for name, _ in SEVERITIES])
    protocol = forms.ModelChoiceField(Protocol.objects.all(), required=False, empty_label="not a protocol's")
    failure_mode = forms.ChoiceField(
        required=False,
        label="Failure mode",
        help_text="A breach of one opens an incident, and finds its playbook.",
    )
    enabled = forms.BooleanField(required=False, initial=True, label="On")

    def __init__(self, *args: Any, slug: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        modes = FailureMode.objects.order_by("slug").values_list("slug", "title").distinct()
        field = self.fields["failure_mode"]
        assert isinstance(field, forms.ChoiceField)
        known = dict(modes)
        given = str((self.initial or {}).get("failure_mode") or "")
        field.choices = [("", "none"), *known.items(), *([(given, given)] if given and given not in known else [])]
        if slug:
            del self.fields["slug"]


class MuteForm(forms.Form):
    """For how long, and why."""

    minutes = forms.ChoiceField(choices=MUTES, label="For")
    reason = forms.CharField(max_length=200, label="Why", help_text="Everybody sees it.")


class TryForm(forms.Form):
    """How far back."""

    blocks = forms.IntegerField(min_value=1, max_value=MOST_BLOCKS, initial=120, label="Blocks")


def config_form(kind: type[MonitorType], data: Any = None, stored: Mapping[str, Any] | None = None) -> forms.Form:
    """The kind's own fields."""
    initial = {
        name: "\n".join(map(str, value)) if isinstance(value, list | tuple) else value
        for name, value in (stored or {}).items()
    }
    return form_for(kind.Config)(data, prefix="config", initial=initial)
