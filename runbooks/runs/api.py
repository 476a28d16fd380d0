"""`/api/v1/runs/`: start, follow and steer runs."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import django_filters
from django.db.models import QuerySet
from django.http import Http404
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
from runbooks.rehearsals.api import RehearsalSerializer
from runbooks.rehearsals.services import rehearse
from runbooks.runs.models import Run, StepRun
from runbooks.runs.selectors import visible_runs
from runbooks.runs.services import abort_run, begin, complete_step, retry_step, roll_back, skip_step, start_run

T = TypeVar("T")


class StepSerializer(serializers.ModelSerializer[StepRun]):
    class Meta:
        model = StepRun
        fields = [
            "id",
            "step_id",
            "type",
            "phase",
            "position",
            "title",
            "status",
            "attempt",
            "tries",
            "reason",
            "proof",
            "waiting_for",
            "waits_since",
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
            "phase",
            "ending",
            "reason",
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
    hold = serializers.BooleanField(default=False, help_text="stay a draft, to be rehearsed, until it is begun")


class ReasonSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class NothingSerializer(StrictSerializer):
    """An empty body: anything in it is a typing slip."""


class AnswerSerializer(StrictSerializer):
    """What the step asks for: words and a file's id (manual), item numbers (checklist), or an option (decide)."""

    evidence = serializers.CharField(max_length=4_000, allow_blank=True, required=False)
    file = serializers.IntegerField(min_value=1, max_value=2**53, required=False)
    items = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=100), required=False)
    off = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=100), required=False)
    choice = serializers.CharField(max_length=80, required=False)
    reason = serializers.CharField(max_length=500, allow_blank=True, required=False)


STEP = OpenApiParameter("step_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="the step's id in the playbook")
STEP_ID = re.compile(r"[a-z][a-z0-9_.]{0,63}")  # steps that another one expands into have dots in their ids
RULES: dict[str, type[BasePermission]] = {
    "create": Responder,
    "begin": Responder,
    "complete": Responder,
    "rehearse": Responder,
    "abort": Commander,
    "roll_back": Commander,
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
    idempotent_actions = frozenset(RULES)

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
            hold=data["hold"],
            actor=actor_of(request),
        )
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=NothingSerializer, responses={200: RunSerializer})
    @action(detail=True, methods=["post"])
    def begin(self, request: Request, pk: int) -> Response:
        """Start a run that was held as a draft, or ask for the approval that its playbook demands."""
        run, _ = self._asked(request, NothingSerializer)
        return self._once(request, run, lambda: begin(run=run, actor=actor_of(request)))

    @extend_schema(request=NothingSerializer, responses={202: RehearsalSerializer})
    @action(detail=True, methods=["post"])
    def rehearse(self, request: Request, pk: int) -> Response:
        """Try what is left of the plan on forks of its chains. One that is under way already is that one."""
        run, _ = self._asked(request, NothingSerializer)
        rehearsal = rehearse(run=run, actor=actor_of(request))
        return Response(RehearsalSerializer(rehearsal).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=ReasonSerializer, responses={200: RunSerializer})
    @action(detail=True, methods=["post"])
    def abort(self, request: Request, pk: int) -> Response:
        """Stop for good, with a reason; the steps that always run have their turn."""
        run, said = self._asked(request, ReasonSerializer)
        return self._once(request, run, lambda: abort_run(run=run, actor=actor_of(request), reason=said["reason"]))

    @extend_schema(request=ReasonSerializer, responses={200: RunSerializer})
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, pk: int) -> Response:
        """Undo what is done, in reverse, with a reason."""
        run, said = self._asked(request, ReasonSerializer)
        return self._once(request, run, lambda: roll_back(run=run, actor=actor_of(request), reason=said["reason"]))

    @extend_schema(request=AnswerSerializer, responses={200: RunSerializer}, parameters=[STEP])
    @action(detail=True, methods=["post"], url_path="steps/<str:step_id>/complete")
    def complete(self, request: Request, pk: int, step_id: str) -> Response:
        """Answer a step that waits for people: what was seen, what is ticked, or what was chosen."""
        run, said = self._asked(request, AnswerSerializer)
        step, actor = _step(run, step_id), actor_of(request)
        return self._once(request, run, lambda: complete_step(step=step, actor=actor, answer=said))

    @extend_schema(request=ReasonSerializer, responses={200: RunSerializer}, parameters=[STEP])
    @action(detail=True, methods=["post"], url_path="steps/<str:step_id>/retry")
    def retry(self, request: Request, pk: int, step_id: str) -> Response:
        """Begin a new attempt of a failed or unknown step."""
        run, said = self._asked(request, ReasonSerializer)
        step, actor = _step(run, step_id), actor_of(request)
        return self._once(request, run, lambda: retry_step(step=step, actor=actor, reason=said["reason"]))

    @extend_schema(request=ReasonSerializer, responses={200: RunSerializer}, parameters=[STEP])
    @action(detail=True, methods=["post"], url_path="steps/<str:step_id>/skip")
    def skip(self, request: Request, pk: int, step_id: str) -> Response:
        """Go on without a step, with a reason."""
        run, said = self._asked(request, ReasonSerializer)
        step, actor = _step(run, step_id), actor_of(request)
        return self._once(request, run, lambda: skip_step(step=step, actor=actor, reason=said["reason"]))

    def _asked(self, request: Request, kind: type[StrictSerializer]) -> tuple[Run, dict[str, Any]]:
        asked = kind(data=request.data)
        asked.is_valid(raise_exception=True)
        return self.get_object(), dict(asked.validated_data)

    def _once(self, request: Request, run: Run, act: Callable[[], object]) -> Response:
        """The same key is the same press; the answer is the run as it is then."""

        def press() -> Response:
            act()
            return Response(RunSerializer(self.get_queryset().get(pk=run.pk)).data)

        return self.once(request, press)


def _step(run: Run, step_id: str) -> StepRun:
    if not STEP_ID.fullmatch(step_id):
        raise Http404
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
