"""What a person fills in."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify

from notify.audiences.services import LONGEST_PAUSE
from notify.models import Audience


class NewAudience(forms.Form):
    """An outside audience; its destinations are added on its own page."""

    name = forms.CharField(max_length=80)
    slug = forms.SlugField(label="Short name", max_length=63, help_text="How playbooks name it: market-makers.")
    purpose = forms.CharField(max_length=200, required=False, help_text="What it is told, and why.")

    def clean_slug(self) -> str:
        slug: str = slugify(self.cleaned_data["slug"])
        if slug == "add" or Audience.objects.filter(slug=slug).exists():
            raise ValidationError("This short name is taken.")
        return slug


class AboutDestination(forms.Form):
    """What a destination has whatever its channel is."""

    label = forms.CharField(
        max_length=80, required=False, label="Name", help_text="To tell it from others: night desk."
    )
    pause = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=LONGEST_PAUSE,
        label="Seconds between two messages",
        help_text="What comes faster goes out as one. Empty: as its channel has it.",
    )
