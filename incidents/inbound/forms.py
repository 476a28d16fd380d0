"""What an admin fills in for a sender; how its payloads are read is drawn from its format."""

from typing import Any

from django import forms

from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES
from integrations.inbound import INBOUND


class RuleForm(forms.Form):
    """What counts where a payload says nothing."""

    severity = forms.ChoiceField(
        choices=SEVERITIES, initial="SEV3", label="Usual severity", help_text="Where a payload names none."
    )
    failure_mode = forms.SlugField(
        max_length=63, required=False, label="Usual failure mode", help_text="So that alerts join its incident."
    )
    protocol = forms.ModelChoiceField(
        queryset=Protocol.objects.all(), required=False, empty_label="none", help_text="Whose alerts these are."
    )


class NewKeyForm(RuleForm):
    name = forms.CharField(max_length=80, help_text="Who sends: “Grafana of the data team”.")
    format = forms.ChoiceField(label="Format")
    field_order = ("name", "format")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["format"]
        field.choices = INBOUND.choices()


class RotateForm(forms.Form):
    grace = forms.TypedChoiceField(
        choices=[("24", "in 24 hours"), ("1", "in an hour"), ("0", "now")], coerce=int, label="The old key ends"
    )
