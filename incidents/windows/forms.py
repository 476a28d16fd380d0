"""What a commander fills in."""

from django import forms

from governance.protocols.models import Protocol

HOURS = [("1", "1 hour"), ("2", "2 hours"), ("4", "4 hours"), ("8", "8 hours"), ("24", "a day"), ("168", "a week")]


class WindowForm(forms.Form):
    title = forms.CharField(max_length=120, help_text="What is done: “Feed migration”.")
    protocol = forms.ModelChoiceField(queryset=Protocol.objects.all(), required=False, empty_label="any")
    pattern = forms.CharField(
        max_length=200,
        required=False,
        label="Dedup keys",
        help_text="With * for anything: oracle_stale:* or inbound:12:*. Together with a protocol, what fits both.",
    )
    starts_at = forms.DateTimeField(
        required=False,
        label="From",
        help_text="UTC; empty: now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    hours = forms.TypedChoiceField(choices=HOURS, coerce=int, label="For")
    grave = forms.BooleanField(required=False, label="Mute SEV1 too")
