"""What hangs on one incident in the API: `/api/v1/incidents/{incident}/…`, as private as the incident."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import mixins, viewsets
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Responder
from incidents.incidents.models import Incident
from incidents.incidents.selectors import visible_incidents

M = TypeVar("M", bound=Model)


class OfIncidentViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[M]
):
    """Read by whoever sees the incident, written by responders."""

    lookup_value_converter = "int"
    token_scope = "incidents:write"

    def get_permissions(self) -> list[BasePermission]:
        return [Responder()]

    def incident(self) -> Incident:
        return get_object_or_404(visible_incidents(self.request.user), pk=self.kwargs["incident"])

    def get_queryset(self) -> "QuerySet[M]":
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return super().get_queryset().filter(incident=self.incident())


def given(kind: type[StrictSerializer], request: Request, **kwargs: Any) -> dict[str, Any]:
    """The body, checked."""
    asked = kind(data=request.data, **kwargs)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)
