"""A form drawn from a plugin's config model, so that a new plugin needs no page of its own."""

from types import NoneType
from typing import Any, Literal, get_args, get_origin

from django import forms
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

KEPT = "Left empty, it stays as it is."


def form_for(model: type[BaseModel], known: BaseModel | None = None) -> type[forms.Form]:
    """One field for each field of the model. The model itself judges what was entered.

    `known`: what is set. It stands in the fields; secrets do not, and may be left empty.
    """
    fields = {name: _field(name, info, known) for name, info in model.model_fields.items()}
    return type(f"{model.__name__}Form", (forms.Form,), fields)


def entered(form: forms.Form) -> dict[str, Any]:
    """What was filled in, for the model to judge: an empty field is one that was left out."""
    return {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}


def _sentence(text: str) -> str:
    """It begins as one, unless its first word is something to be typed."""
    return text[:1].upper() + text[1:] if text.partition(" ")[0].isalpha() else text


def _field(name: str, info: FieldInfo, known: BaseModel | None) -> forms.Field:
    kind: Any = info.annotation
    inner = [one for one in get_args(kind) if one is not NoneType]
    kind = inner[0] if len(inner) == 1 and get_origin(kind) is not Literal else kind
    kept = kind is SecretStr and known is not None and bool(getattr(known, name))
    plain = info.default if not info.is_required() and info.default_factory is None else None
    common: dict[str, Any] = {
        "label": info.title or name.removesuffix("_bps").replace("_", " ").capitalize(),
        "required": info.is_required() and not kept,
        "help_text": KEPT if kept else _sentence(info.description or ""),
    }
    if kind is SecretStr:
        widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"})
        return forms.CharField(**common, strip=True, max_length=4_000, widget=widget)
    common["initial"] = plain if known is None else getattr(known, name)
    if get_origin(kind) is tuple:  # a text with a line each; its type splits it
        common["initial"] = "\n".join(map(str, common["initial"] or ()))
        return forms.CharField(**common, widget=forms.Textarea(attrs={"rows": 3}), max_length=20_000)
    if kind is bool:
        return forms.BooleanField(**{**common, "required": False})
    if kind is int:
        return forms.IntegerField(**common)
    if get_origin(kind) is Literal:
        choices = [(value, str(value)) for value in get_args(kind)]
        return forms.ChoiceField(**{**common, "required": True}, choices=choices)
    return forms.CharField(**common, max_length=2000)
