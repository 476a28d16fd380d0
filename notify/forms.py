"""What a person fills in."""

from django import forms

from notify.models import Audience


class NewAudience(forms.ModelForm[Audience]):
    """An outside audience; its destinations are added on its own page."""

    class Meta:
        model = Audience
        fields = ("name", "slug", "purpose")
        labels = {"slug": "Short name"}
        help_texts = {"slug": "How playbooks name it, such as market-makers.", "purpose": "What it is told, and why."}

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug == "add":
            raise forms.ValidationError("is taken by this form's own address")
        return slug
