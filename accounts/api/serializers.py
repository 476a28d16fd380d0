"""The base of our serializers: a key that nobody knows is an error, not ignored."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from django.db.models import Model
from rest_framework import serializers

M = TypeVar("M", bound=Model)


class UnknownKeysRefused:
    """A typing slip must not quietly mean "the default"."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            fields: Mapping[str, Any] = self.fields  # type: ignore[attr-defined]  # of the serializer it is mixed into
            known = [name for name, field in fields.items() if not field.read_only]
            unknown = {str(name): [_unknown(str(name), known)] for name in data if name not in known}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)  # type: ignore[misc]  # of the serializer it is mixed into


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 1)
    if close:
        return f"unknown field; did you mean {close[0]}?"
    return f"unknown field; known are {', '.join(known)}" if known else "no fields are taken here"


class StrictSerializer(UnknownKeysRefused, serializers.Serializer[Any]):
    """For bodies that are handed to a service."""


class StrictModelSerializer(UnknownKeysRefused, serializers.ModelSerializer[M]):
    """For bodies that describe a row."""
