"""Cursor pagination: stable while rows are added, and never a count over a large table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from ledger.errors import Invalid

if TYPE_CHECKING:
    from rest_framework.views import APIView  # settings name this module, and DRF's views read them as they load

CURSOR = re.compile(r"^[A-Za-z0-9+/_=-]*$")


class Pages(CursorPagination):
    """Newest first; `?limit=` up to 200, `?cursor=` as given by `next` and `previous`."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> Any:
        limit = request.query_params.get("limit")
        if limit is not None and not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:6]) <= 200):
            raise Invalid("limit", "is not a number from 1 to 200")
        if not CURSOR.match(request.query_params.get("cursor", "")):
            raise Invalid("cursor", "is not one that we gave", "leave it out to start at the beginning")
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValueError, TypeError, OverflowError, ValidationError) as exc:
            raise Invalid("cursor", "is not one that we gave", "leave it out to start at the beginning") from exc
