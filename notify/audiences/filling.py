"""What forms of destinations have in common, whoever the destination belongs to."""

from typing import Any

from django import forms

from accounts.answers import sentence
from integrations.families import unmasked
from ledger import Invalid, Refused
from notify.audiences.models import Destination
from notify.audiences.services import left_to_us


def at_field(form: forms.Form, error: Invalid | Refused) -> None:
    name = error.field.removeprefix("config.") if isinstance(error, Invalid) else ""
    form.add_error(name if name in form.fields else None, sentence(error))


def key_made_here(destination: Destination, config: dict[str, Any]) -> str:
    """A secret that nobody entered: its channel made it, and the receiver must learn it."""
    names = left_to_us(destination.channel, config)
    return str(unmasked(destination.config)[names[0]]) if names else ""
