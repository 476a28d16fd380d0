"""`/api/v1/alerts/`."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import IdFilter
from accounts.api.serializers import StrictSerializer
from accounts.permissions import ReadScoped, Responder
from accounts.selectors import actor_of
from incidents.alerts.models import Alert
from incidents.alerts.services import clear_alert
from incidents.watch.models import SEVERITIES
from ledger.errors import Refused


class AlertSerializer(serializers.ModelSerializer[Alert]):
    class Meta:
        model = Alert
        fields = [
            "id",
            "key",
            "title",
            "severity",
            "status",
            "source",
            "failure_mode",
            "detail",
            "times",
            "incident",
            "window",
            "raised_at",
            "last_at",
            "acked_at",
            "cleared_at",
        ]


class ClearSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class AlertFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.ChoiceFilter(choices=Alert.State.choices)
    severity = django_filters.ChoiceFilter(choices=SEVERITIES)
    incident = IdFilter()
    key = django_filters.CharFilter()


class AlertViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Alert]):
    """What was seen. Alerts come from monitors and from `/api/v1/inbound/`."""

    queryset = Alert.objects.none()
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    lookup_value_converter = "int"
    token_scope = "alerts:write"

    def get_permissions(self) -> list[Any]:
        return [Responder() if self.action == "clear" else ReadScoped()]

    def get_queryset(self) -> "QuerySet[Alert]":
        return Alert.objects.visible_to(self.request.user)

    @extend_schema(request=ClearSerializer, responses={200: AlertSerializer})
    @action(detail=True, methods=["post"])
    def clear(self, request: Request, pk: int) -> Response:
        """Clear it by hand, for a source that does not do so itself."""
        alert = self.get_object()
        asked = ClearSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        reason = asked.validated_data["reason"]
        if clear_alert(key=alert.key, actor=actor_of(request), reason=reason) is None:
            raise Refused("This alert does not fire any more.", "", "not-firing")
        return Response(AlertSerializer(self.get_queryset().get(pk=alert.pk)).data)
