"""What forms of destinations have in common, whoever the destination belongs to."""

from typing import Any

from django import forms

from accounts.answers import sentence
from integrations.families import unmasked
from ledger import Invalid
from notify.audiences.models import Destination
from notify.audiences.services import left_to_us


def at_field(form: forms.Form, error: Invalid) -> None:
    """A form shows which fields there are; only the API needs to be told."""
    name = error.field.removeprefix("config.")
    known = name in form.fields
    hint = "" if known and error.hint.startswith("fields:") else error.hint
    form.add_error(name if known else None, sentence(Invalid(error.field, error.message, hint)))


def key_made_here(destination: Destination, config: dict[str, Any]) -> str:
    """A secret that nobody entered: its channel made it, and the receiver must learn it."""
    names = left_to_us(destination.channel, config)
    return str(unmasked(destination.config)[names[0]]) if names else ""
