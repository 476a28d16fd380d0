"""JSON out and in."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

from accounts.api.problems import CONTENT_TYPE


class AnswerRenderer(JSONRenderer):
    """JSON; an error keeps the media type of a problem."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        if response is not None and response.status_code >= 400:
            response.content_type = CONTENT_TYPE
        return bytes(super().render(data, accepted_media_type, renderer_context))


class StrictJSONParser(JSONParser):
    """JSON that a database and a hash can hold: no duplicate keys, no NaN, no lone surrogates, no endless nesting."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            text = _whole(stream).decode("utf-8")
            if "\\u0000" in text or "\x00" in text:
                raise ValueError("NUL")
            data = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
            json.dumps(data, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError) as exc:
            raise ParseError from exc
        return data


def _whole(stream: IO[Any]) -> bytes:
    """No more than the settings let in: what follows would be held in memory several times over."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    raw: bytes = stream.read(most + 1)
    if len(raw) > most:
        raise RequestDataTooBig
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(name)
