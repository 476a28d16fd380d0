"""What forms of destinations have in common, whoever the destination belongs to."""

from typing import Any

from django import forms
from django.contrib import messages as toasts
from django.http import HttpRequest

from accounts.answers import sentence
from accounts.decorators import current_user
from integrations.channels import CHANNELS, Undelivered
from integrations.families import unmasked
from integrations.forms import entered, form_for
from ledger import Invalid
from notify.audiences.changing import edit_destination
from notify.audiences.models import Destination
from notify.audiences.services import left_to_us
from notify.forms import AboutDestination


def at_field(form: forms.Form, error: Invalid) -> None:
    """A form shows which fields there are; only the API needs to be told."""
    name = error.field.removeprefix("config.")
    known = name in form.fields
    hint = "" if known and error.hint.startswith("fields:") else error.hint
    form.add_error(name if known else None, sentence(Invalid(error.field, error.message, hint)))


def refill(request: HttpRequest, destination: Destination) -> tuple[forms.Form, forms.Form] | None:
    """Changes it as its page's form asks; gives the form's two halves back where that cannot be."""
    try:
        known = destination.config
    except Undelivered:
        known = None
    form = form_for(CHANNELS[destination.channel].Config, known)(request.POST)
    about = AboutDestination(request.POST, prefix="about")
    if form.is_valid() and about.is_valid():
        actor = current_user(request).actor
        try:
            edit_destination(destination=destination, config=entered(form), actor=actor, **about.cleaned_data)
        except Invalid as error:
            at_field(form, error)
        else:
            toasts.success(request, "It is changed. Send a test to see that it arrives.")
            return None
    return form, about


def key_made_here(destination: Destination, config: dict[str, Any]) -> str:
    """A secret that nobody entered: its channel made it, and the receiver must learn it."""
    names = left_to_us(destination.channel, config)
    return str(unmasked(destination.config)[names[0]]) if names else ""
