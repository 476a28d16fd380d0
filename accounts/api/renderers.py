"""JSON out and in."""

import json
from collections.abc import Mapping
from typing import IO, Any

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
            text = stream.read().decode("utf-8")
            if "\\u0000" in text or "\x00" in text:
                raise ValueError("NUL")
            data = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
            json.dumps(data, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError) as exc:
            raise ParseError from exc
        return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)
