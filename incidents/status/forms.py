"""What a commander fills in about the public page."""

from django import forms

from incidents.status.services import LONGEST_GUIDANCE


class GuidanceForm(forms.Form):
    """Words for the worst hour of a reader who has only this page."""

    text = forms.CharField(
        label="What to do when our interface is down",
        required=False,
        max_length=LONGEST_GUIDANCE,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Other ways to the contracts, and what never to sign. Empty: general words stand there.",
    )
