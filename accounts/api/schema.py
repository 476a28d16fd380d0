"""OpenAPI 3.1: every operation says which errors it answers with, and creates take an Idempotency-Key."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import SAFE_METHODS

from accounts.api.idempotency import HEADER, IdempotentCreateMixin
from accounts.api.problems import CONTENT_TYPE, TITLES, ProblemSerializer

REFERENCE = {"$ref": "#/components/schemas/Problem"}


class BreakglassSchema(AutoSchema):
    """drf-spectacular's view inspector, with our errors and headers."""

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self._is_idempotent():
            parameters.append(
                OpenApiParameter(
                    HEADER,
                    str,
                    OpenApiParameter.HEADER,
                    description="The same key with the same body happens once and gets the same answer for 7 days.",
                )
            )
        return parameters

    def _is_idempotent(self) -> bool:
        action = getattr(self.view, "action", None) or "create"
        return (
            self.method == "POST"
            and isinstance(self.view, IdempotentCreateMixin)
            and action in self.view.idempotent_actions
        )

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        self.resolve_serializer(ProblemSerializer, "response")
        for code in self._error_codes():
            bodies.setdefault(
                str(code), {"description": TITLES[code], "content": {CONTENT_TYPE: {"schema": dict(REFERENCE)}}}
            )
        return bodies

    def _error_codes(self) -> list[int]:
        codes = {400, 401, 403, 406, 429}
        if self.method not in SAFE_METHODS:
            codes |= {409, 413, 415}
        if "{" in self.path:
            codes.add(404)
        if self._is_idempotent():
            codes.add(422)
        return sorted(codes)


def any_json(result: Any, **_: Any) -> Any:
    """A nullable JSON field is "anything"; drf-spectacular writes "either anything or null", which null fails twice."""
    if isinstance(result, dict):
        if result.get("oneOf") == [{}, {"type": "null"}]:
            del result["oneOf"]
        for value in result.values():
            any_json(value)
    elif isinstance(result, list):
        for value in result:
            any_json(value)
    return result
