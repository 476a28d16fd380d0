"""Filters of lists by the number of another thing."""

from typing import Any

import django_filters
from django import forms
from django.core.validators import MaxValueValidator

LARGEST = 2**53


class WholeNumber(forms.IntegerField):
    """An id as a query parameter holds it; a fraction or a number that no row can have is an error, not a crash."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, **kwargs)


class IdFilter(django_filters.NumberFilter):  # type: ignore[misc]  # django-filter is untyped
    """By number and not by choice: asking must not tell whether something exists that the caller may not see."""

    field_class = WholeNumber

    def get_max_validator(self) -> MaxValueValidator:
        return MaxValueValidator(LARGEST)
