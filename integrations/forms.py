"""A form drawn from a plugin's config model, so that a new plugin needs no page of its own."""

from typing import Any, get_args

from django import forms
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo


def form_for(model: type[BaseModel]) -> type[forms.Form]:
    """One field for each field of the model. The model itself judges what was entered."""
    fields = {name: _field(name, info) for name, info in model.model_fields.items()}
    return type(f"{model.__name__}Form", (forms.Form,), fields)


def _field(name: str, info: FieldInfo) -> forms.Field:
    kind: Any = info.annotation
    inner = [one for one in get_args(kind) if one is not type(None)]
    kind = inner[0] if len(inner) == 1 else kind
    common: dict[str, Any] = {
        "label": info.title or name.replace("_", " ").capitalize(),
        "required": info.is_required(),
        "help_text": info.description or "",
        "initial": None if info.is_required() else info.default,
    }
    if kind is bool:
        return forms.BooleanField(**{**common, "required": False})
    if kind is int:
        return forms.IntegerField(**common)
    if kind is SecretStr:
        return forms.CharField(**common, widget=forms.PasswordInput(attrs={"autocomplete": "off"}))
    return forms.CharField(**common, max_length=2000)
