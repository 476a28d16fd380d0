"""`/api/v1/incidents/`: open, lead and end incidents."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.models import User
from accounts.permissions import Commander, ReadScoped, Responder
from accounts.selectors import actor_of
from governance.plans.models import Plan
from governance.protocols.models import Protocol
from incidents.incidents import services
from incidents.incidents.leading_api import Leading
from incidents.incidents.models import Incident
from incidents.incidents.selectors import visible_incidents
from incidents.incidents.serializers import IncidentSerializer
from incidents.watch.models import SEVERITIES
from runbooks.playbooks.models import Playbook
from runbooks.runs.api import RunSerializer


class NewIncidentSerializer(StrictSerializer):
    title = serializers.CharField(max_length=200)
    severity = serializers.ChoiceField(choices=SEVERITIES, default="SEV2")
    summary = serializers.CharField(max_length=5_000, allow_blank=True, default="")
    protocol = serializers.SlugField(max_length=60, required=False)
    failure_mode = serializers.SlugField(max_length=63, allow_blank=True, default="")
    private = serializers.BooleanField(default=False)


class SeveritySerializer(StrictSerializer):
    severity = serializers.ChoiceField(choices=SEVERITIES)
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class TextSerializer(StrictSerializer):
    text = serializers.CharField(max_length=10_000)


class MoveSerializer(StrictSerializer):
    status = serializers.ChoiceField(choices=sorted(services.MOVES))
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class PrivateSerializer(StrictSerializer):
    private = serializers.BooleanField()
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class StartSerializer(StrictSerializer):
    playbook = serializers.SlugField(max_length=63)
    inputs = serializers.DictField(required=False, default=dict)
    environment = serializers.ChoiceField(choices=Plan.Environment.choices, default="live")


RULES: dict[str, type[BasePermission]] = {
    "create": Responder,
    "severity": Responder,
    "note": Responder,
    "funds": Responder,
    "link": Responder,
    "seen": Responder,
    "handover": Commander,
    "merge": Commander,
    "start": Responder,
    "take": Commander,
    "move": Commander,
    "private": Commander,
}


@extend_schema_view(create=extend_schema(request=NewIncidentSerializer, responses={201: IncidentSerializer}))
class IncidentViewSet(IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, Leading):
    """Incidents that the caller may see."""

    queryset = Incident.objects.none()
    serializer_class = IncidentSerializer
    filterset_fields = ("status", "severity", "failure_mode")
    lookup_value_converter = "int"
    token_scope = "incidents:write"
    idempotent_actions = frozenset({"create", "note", "start"})

    def get_permissions(self) -> list[Any]:
        return [RULES.get(self.action, ReadScoped)()]

    def get_queryset(self) -> "QuerySet[Incident]":
        return visible_incidents(self.request.user)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Open one by hand."""
        data = _read(NewIncidentSerializer, request)
        slug = data.pop("protocol", None)
        protocol = Protocol.objects.filter(slug=slug).first() if slug else None
        if slug and protocol is None:
            raise serializers.ValidationError({"protocol": "there is no such protocol"})
        incident = services.open_incident(**data, protocol=protocol, actor=actor_of(request), members=_self(request))
        return Response(IncidentSerializer(incident).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"])
    def take(self, request: Request, pk: int) -> Response:
        """Take command."""
        if not isinstance(request.user, User):
            raise PermissionDenied
        return self._after(services.take_command(incident=self.get_object(), user=request.user))

    @extend_schema(request=SeveritySerializer, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"])
    def severity(self, request: Request, pk: int) -> Response:
        """Raise or lower the severity."""
        data = _read(SeveritySerializer, request)
        return self._after(services.change_severity(incident=self.get_object(), **data, actor=actor_of(request)))

    @extend_schema(request=TextSerializer, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"], url_path="notes")
    def note(self, request: Request, pk: int) -> Response:
        """Add a note to the record."""
        return self.once(request, lambda: self._say(request, services.add_note))

    @extend_schema(request=MoveSerializer, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: int) -> Response:
        """To contained, restored, closed or declined; or back to active."""
        data = _read(MoveSerializer, request)
        incident = self.get_object()
        services.move(incident=incident, to=data["status"], reason=data["reason"], actor=actor_of(request))
        return self._after(incident)

    @extend_schema(request=PrivateSerializer, responses={200: IncidentSerializer})
    @action(detail=True, methods=["post"])
    def private(self, request: Request, pk: int) -> Response:
        """Close it to everybody but its members and the auditors, or open it."""
        data = _read(PrivateSerializer, request)
        if not isinstance(request.user, User):
            raise PermissionDenied
        return self._after(services.make_private(incident=self.get_object(), user=request.user, **data))

    @extend_schema(request=StartSerializer, responses={201: RunSerializer})
    @action(detail=True, methods=["post"], url_path="runs")
    def start(self, request: Request, pk: int) -> Response:
        """Start a playbook inside the incident."""
        return self.once(request, lambda: self._start(request))

    def _start(self, request: Request) -> Response:
        data = _read(StartSerializer, request)
        playbook = Playbook.objects.filter(slug=data["playbook"], archived=False).first()
        if playbook is None:
            raise serializers.ValidationError({"playbook": "there is no such playbook"})
        run = services.start_playbook(
            incident=self.get_object(),
            playbook=playbook,
            inputs=data["inputs"],
            environment=data["environment"],
            actor=actor_of(request),
        )
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)

    def _say(self, request: Request, verb: Callable[..., object]) -> Response:
        incident = self.get_object()
        verb(incident=incident, **_read(TextSerializer, request), actor=actor_of(request))
        return self._after(incident)


def _read(kind: type[StrictSerializer], request: Request) -> dict[str, Any]:
    asked = kind(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _self(request: Request) -> list[str]:
    """Whoever opens a private incident, also through a token, must be able to see it."""
    return [request.user.actor] if isinstance(request.user, User) else []
