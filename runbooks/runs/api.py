"""`/api/v1/runs/`: start, follow and steer runs."""

from typing import Any, TypeVar

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import IdFilter
from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped, Responder
from accounts.selectors import actor_of
from governance.plans.models import Plan
from governance.protocols.models import Protocol
from ledger.models import Scope
from runbooks.playbooks.models import Playbook
from runbooks.runs.models import Run, StepRun
from runbooks.runs.selectors import visible_runs
from runbooks.runs.services import abort_run, complete_step, retry_step, skip_step, start_run

T = TypeVar("T")


class StepSerializer(serializers.ModelSerializer[StepRun]):
    class Meta:
        model = StepRun
        fields = [
            "id",
            "step_id",
            "type",
            "position",
            "title",
            "status",
            "attempt",
            "tries",
            "reason",
            "proof",
            "waiting_for",
            "output",
            "started_at",
            "ended_at",
        ]


class RunSerializer(serializers.ModelSerializer[Run]):
    playbook = serializers.CharField(source="version.playbook.slug", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    steps = StepSerializer(many=True, read_only=True)

    class Meta:
        model = Run
        fields = [
            "id",
            "playbook",
            "version",
            "scope",
            "plan",
            "plan_hash",
            "environment",
            "title",
            "status",
            "created_by",
            "created_at",
            "started_at",
            "ended_at",
            "steps",
        ]


class NewRunSerializer(StrictSerializer):
    """`inputs` as the playbook asks for them; `scope` of an incident puts the run below it."""

    playbook = serializers.SlugField(max_length=63)
    inputs = serializers.DictField(required=False, default=dict)
    environment = serializers.ChoiceField(choices=Plan.Environment.choices, default="live")
    protocol = serializers.SlugField(max_length=60, required=False)
    scope = serializers.IntegerField(required=False, min_value=1, max_value=2**53)


class ReasonSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class EvidenceSerializer(StrictSerializer):
    evidence = serializers.CharField(max_length=4_000, allow_blank=True, default="")


STEP = OpenApiParameter("step_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="the step's id in the playbook")
RULES: dict[str, type[BasePermission]] = {
    "create": Responder,
    "complete": Responder,
    "abort": Commander,
    "retry": Commander,
    "skip": Commander,
}


class RunFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.ChoiceFilter(choices=Run.State.choices)
    environment = django_filters.ChoiceFilter(choices=Plan.Environment.choices)
    scope = IdFilter()


class RunViewSet(IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Run]):
    """Runs that the caller may see."""

    queryset = Run.objects.none()
    serializer_class = RunSerializer
    filterset_class = RunFilter
    lookup_value_converter = "int"
    token_scope = "runs:write"

    def get_permissions(self) -> list[Any]:
        return [RULES.get(self.action, ReadScoped)()]

    def get_queryset(self) -> "QuerySet[Run]":
        return visible_runs(self.request.user).prefetch_related("steps")

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Compile the plan and begin, or ask for the approval that the playbook demands."""
        asked = NewRunSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        run = start_run(
            playbook=_found(Playbook.objects.filter(slug=data["playbook"], archived=False).first(), "playbook"),
            inputs=data["inputs"],
            scope=_scope(request, data.get("scope")),
            environment=data["environment"],
            protocol=_protocol(data.get("protocol")),
            actor=actor_of(request),
        )
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ReasonSerializer, responses={200: RunSerializer})
    @action(detail=True, methods=["post"])
    def abort(self, request: Request, pk: int) -> Response:
        """Stop for good, with a reason."""
        run = self.get_object()
        abort_run(run=run, actor=actor_of(request), reason=_text(ReasonSerializer, request, "reason"))
        return self._fresh(run)

    @extend_schema(request=EvidenceSerializer, responses={200: RunSerializer}, parameters=[STEP])
    @action(detail=True, methods=["post"], url_path="steps/<slug:step_id>/complete")
    def complete(self, request: Request, pk: int, step_id: str) -> Response:
        """Say that a step that is done by hand is done, with what was seen."""
        run = self.get_object()
        evidence = _text(EvidenceSerializer, request, "evidence")
        complete_step(step=_step(run, step_id), actor=actor_of(request), evidence=evidence)
        return self._fresh(run)

    @extend_schema(request=ReasonSerializer, responses={200: RunSerializer}, parameters=[STEP])
    @action(detail=True, methods=["post"], url_path="steps/<slug:step_id>/retry")
    def retry(self, request: Request, pk: int, step_id: str) -> Response:
        """Begin a new attempt of a failed or unknown step."""
        run = self.get_object()
        retry_step(step=_step(run, step_id), actor=actor_of(request), reason=_text(ReasonSerializer, request, "reason"))
        return self._fresh(run)

    @extend_schema(request=ReasonSerializer, responses={200: RunSerializer}, parameters=[STEP])
    @action(detail=True, methods=["post"], url_path="steps/<slug:step_id>/skip")
    def skip(self, request: Request, pk: int, step_id: str) -> Response:
        """Go on without a step, with a reason."""
        run = self.get_object()
        skip_step(step=_step(run, step_id), actor=actor_of(request), reason=_text(ReasonSerializer, request, "reason"))
        return self._fresh(run)

    def _fresh(self, run: Run) -> Response:
        return Response(RunSerializer(self.get_queryset().get(pk=run.pk)).data)


def _text(kind: type[StrictSerializer], request: Request, name: str) -> str:
    asked = kind(data=request.data)
    asked.is_valid(raise_exception=True)
    return str(asked.validated_data[name])


def _step(run: Run, step_id: str) -> StepRun:
    return get_object_or_404(StepRun.objects.select_related("run"), run=run, step_id=step_id)


def _found(thing: T | None, name: str) -> T:
    if thing is None:
        raise serializers.ValidationError({name: f"there is no such {name}"})
    return thing


def _scope(request: Request, pk: int | None) -> Scope | None:
    return _found(Scope.objects.visible_to(request.user).filter(pk=pk).first(), "scope") if pk else None


def _protocol(slug: str | None) -> Protocol | None:
    """The one that is named; without a name, the only one there is."""
    if slug:
        return _found(Protocol.objects.filter(slug=slug).first(), "protocol")
    return Protocol.objects.first() if Protocol.objects.count() == 1 else None
