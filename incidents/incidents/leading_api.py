"""What else a commander does through `/api/v1/incidents/{id}/`: hand over, say what is at stake, link, merge; and the
timeline, a page at a time."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import StrictSerializer
from accounts.models import User
from accounts.selectors import actor_of
from incidents.incidents import leading
from incidents.incidents.models import FUNDS, Incident
from incidents.incidents.nested import given
from incidents.incidents.people import named
from incidents.incidents.record import record_of
from incidents.incidents.selectors import visible_incidents
from incidents.incidents.serializers import IncidentSerializer
from incidents.incidents.words import GROUPS
from incidents.links.services import link_incidents, merge
from incidents.roles.services import see
from ledger.errors import Invalid


class FundsSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=FUNDS)
    amount = serializers.IntegerField(
        min_value=0, max_value=leading.MOST_FUNDS, allow_null=True, help_text="whole US dollars; null: not known"
    )
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class HandoverSerializer(StrictSerializer):
    user = serializers.CharField(max_length=160, help_text="`@ben`, `ben` or `user:12`")
    note = serializers.CharField(max_length=leading.LONGEST_NOTE, allow_blank=True, default="")


class OtherSerializer(StrictSerializer):
    incident = serializers.IntegerField(min_value=1, max_value=2**53)


class SeenSerializer(serializers.Serializer[Any]):
    seen = serializers.IntegerField(help_text="how many roles and tasks were not seen before")


class LineSerializer(serializers.Serializer[Any]):
    event = serializers.IntegerField(source="pk")
    at = serializers.DateTimeField()
    who = serializers.CharField()
    words = serializers.CharField()
    text = serializers.CharField(source="long")
    earlier = serializers.ListField(child=serializers.CharField(), source="was")
    group = serializers.CharField()
    verb = serializers.CharField()


class TimelineSerializer(serializers.Serializer[Any]):
    lines = LineSerializer(many=True)
    before = serializers.IntegerField(help_text="ask for what lies before this event; 0 at the beginning")


SHOW = OpenApiParameter("show", str, enum=list(GROUPS), description="one kind of line")
BEFORE = OpenApiParameter("before", int, description="as `before` of the page after it")


class Leading(viewsets.GenericViewSet[Incident]):
    """Mixed into the viewset of incidents."""

    def _after(self, incident: Incident) -> Response:
        return Response(IncidentSerializer(self.get_queryset().get(pk=incident.pk)).data)

    @extend_schema(request=FundsSerializer, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"])
    def funds(self, request: Request, pk: int) -> Response:
        """Say what is at risk, was moved, was saved."""
        data = given(FundsSerializer, request)
        return self._after(leading.set_funds(incident=self.get_object(), actor=actor_of(request), **data))

    @extend_schema(request=HandoverSerializer, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"])
    def handover(self, request: Request, pk: int) -> Response:
        """Ask somebody to take command; until they do, nothing changes."""
        data = given(HandoverSerializer, request)
        incident = self.get_object()
        to = named(data["user"])
        return self._after(leading.offer_command(incident=incident, to=to, note=data["note"], actor=actor_of(request)))

    @extend_schema(request=OtherSerializer, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"], url_path="links")
    def link(self, request: Request, pk: int) -> Response:
        """Another incident has to do with it."""
        incident = self.get_object()
        link_incidents(incident=incident, other=self._other(request), actor=actor_of(request))
        return self._after(incident)

    @extend_schema(request=OtherSerializer, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: int) -> Response:
        """It is the same emergency as another one, and becomes part of it."""
        incident = self.get_object()
        return self._after(merge(incident=incident, into=self._other(request), actor=actor_of(request)))

    def _other(self, request: Request) -> Incident:
        number = given(OtherSerializer, request)["incident"]
        found = visible_incidents(request.user).filter(pk=number).first()
        if found is None:
            raise Invalid("incident", "there is no such incident", "the number of one that you may see")
        return found

    @extend_schema(request=None, responses={200: SeenSerializer})
    @action(detail=True, methods=["post"])
    def seen(self, request: Request, pk: int) -> Response:
        """Say that you have seen the roles and tasks that were given to you here."""
        if not isinstance(request.user, User):
            raise PermissionDenied
        return Response({"seen": see(incident=self.get_object(), user=request.user)})

    @extend_schema(responses={200: TimelineSerializer}, parameters=[SHOW, BEFORE])
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def timeline(self, request: Request, pk: int) -> Response:
        """The record in sentences, newest first."""
        show, before = request.query_params.get("show", ""), request.query_params.get("before", "0")
        if show and show not in GROUPS:
            raise Invalid("show", "is no kind of line", f"one of {', '.join(GROUPS)}")
        if not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Invalid("before", "is not the number of an event", "as the page after it gave it")
        page = record_of(self.get_object(), request.user, group=show, before=int(before))
        return Response(TimelineSerializer({"lines": page.lines, "before": page.before}).data)
