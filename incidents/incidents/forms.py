"""Forms of incidents."""

from django import forms

from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES

MEANING = {
    "SEV1": "SEV1: funds are at risk now",
    "SEV2": "SEV2: funds may be at risk soon",
    "SEV3": "SEV3: something is degraded",
    "SEV4": "SEV4: to be looked at",
}


class OpenForm(forms.Form):
    """What is asked to open an incident by hand: as little as possible."""

    title = forms.CharField(max_length=200, help_text="What a stranger would understand.")
    severity = forms.ChoiceField(choices=[(name, MEANING[name]) for name, _ in SEVERITIES], initial="SEV2")
    summary = forms.CharField(required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3}))
    protocol = forms.ModelChoiceField(Protocol.objects.all(), required=False, empty_label="not a protocol's")
    private = forms.BooleanField(
        required=False, label="Private: members only", help_text="Nobody else sees it anywhere. It can be opened later."
    )
