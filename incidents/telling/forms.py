"""A letter's blanks as a form."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from ledger.errors import Invalid
from ledger.models import Scope
from ledger.scopes import members_of_private
from ledger.text import one_line, prose
from notify.letters.catalogue import Blank, Letter
from notify.letters.services import Filled
from notify.models import Audience, Message

PROMISES = (
    ("", "No promise"),
    ("30", "In 30 minutes"),
    ("60", "In an hour"),
    ("120", "In two hours"),
    ("240", "In four hours"),
    ("1440", "In a day"),
)
LONGEST_LINE, LONGEST_TEXT = 150, 4_000


class Words(forms.CharField):
    """A blank: checked as everything is that people write."""

    def __init__(self, blank: Blank) -> None:
        self.blank = blank
        many = blank.lines > 1
        widget = forms.Textarea(attrs={"rows": blank.lines}) if many else forms.TextInput()
        longest = LONGEST_TEXT if many else LONGEST_LINE
        super().__init__(
            label=blank.label, help_text=blank.help, required=blank.required, max_length=longest, widget=widget
        )

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        check = prose if self.blank.lines > 1 else one_line
        try:
            return check(self.blank.name, text.replace("\r\n", "\n"), LONGEST_TEXT, empty=not self.blank.required)
        except Invalid as error:
            raise ValidationError(f"This {error.message}.") from None


class LetterForm(forms.Form):
    """Who gets it, the blanks, and what is promised; hidden, what makes a second press the same as the first."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    by = forms.DateTimeField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        letter: Letter,
        scope: Scope | None,
        corrects: Message | None,
        data: Mapping[str, Any] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        known = facts or {}
        initial = {blank.name: known.get(blank.fact, "") for blank in letter.blanks if blank.fact}
        super().__init__(data, initial={**initial, "key": uuid4()})
        self.letter, self.scope, self.corrects = letter, scope, corrects
        outside = Audience.objects.filter(kind=Audience.Kind.OUTSIDE)
        if corrects is not None:
            outside = outside.filter(messages=corrects)
        self.fields["audiences"] = forms.ModelMultipleChoiceField(
            outside.order_by("name"),
            to_field_name="slug",
            widget=forms.CheckboxSelectMultiple,
            label="To",
            error_messages={"required": "Choose who gets it.", "invalid_choice": "There is no such audience."},
            initial=outside if corrects else outside.filter(slug__in=letter.audiences),
        )
        for blank in letter.blanks:
            self.fields[blank.name] = Words(blank)
        self.fields["promise"] = forms.ChoiceField(
            choices=PROMISES, required=False, label="Next update", help_text="A promise is watched: late is an alarm."
        )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        public = [str(audience) for audience in data.get("audiences") or () if audience.is_public]
        if public and self.scope and members_of_private(self.scope) is not None:
            self.add_error(
                "audiences", f"This incident is private: {', '.join(public)} cannot be told of it before it is opened."
            )
        return data

    def filled(self) -> Filled:
        """With the promised time as it was previewed, or counted from now."""
        data = self.cleaned_data
        values = {blank.name: data[blank.name] for blank in self.letter.blanks}
        return Filled(self.letter, values, self._promised(), self.corrects)

    def _promised(self) -> datetime | None:
        minutes = self.cleaned_data.get("promise")
        if not minutes:
            return None
        given: datetime | None = self.cleaned_data.get("by")
        full = timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=int(minutes) + 1)
        near = given is not None and abs(given - full) < timedelta(minutes=15)
        return given if near else full
