"""`/api/v1/evidence/`: files that people handed in for steps of runs."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import IdFilter
from accounts.api.problems import CONTENT_TYPE, ProblemSerializer
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Responder
from accounts.selectors import actor_of
from runbooks.evidence.models import LARGEST, Evidence
from runbooks.evidence.selectors import visible_evidence
from runbooks.evidence.services import attach
from runbooks.evidence.views import as_download
from runbooks.runs.models import StepRun


class EvidenceSerializer(serializers.ModelSerializer[Evidence]):
    run = serializers.IntegerField(source="step.run_id", read_only=True)
    step = serializers.CharField(source="step.step_id", read_only=True)

    class Meta:
        model = Evidence
        fields = ["id", "run", "step", "name", "media_type", "size", "sha256", "created_by", "created_at"]


class NewEvidenceSerializer(StrictSerializer):
    """As multipart/form-data: `curl -F run=3 -F step=look -F file=@shot.png`."""

    run = serializers.IntegerField(min_value=1, max_value=2**53)
    step = serializers.CharField(max_length=200)
    file = serializers.FileField(max_length=1_000)


class EvidenceFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    run = IdFilter(field_name="step__run_id")


class EvidenceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Evidence]):
    """Evidence of runs that the caller may see."""

    queryset = Evidence.objects.none()
    serializer_class = EvidenceSerializer
    filterset_class = EvidenceFilter
    permission_classes = [Responder]
    lookup_value_converter = "int"
    token_scope = "runs:write"

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser()]

    def get_queryset(self) -> "QuerySet[Evidence]":
        return visible_evidence(self.request.user)

    @extend_schema(
        request={"multipart/form-data": NewEvidenceSerializer},
        responses={201: EvidenceSerializer, (404, CONTENT_TYPE): ProblemSerializer},  # no such step, or not theirs
    )
    def create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Hand in a file for a step with `evidence: file`; then complete the step with `{"file": id}`."""
        asked = NewEvidenceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        mine = StepRun.objects.visible_to(request.user)
        step = get_object_or_404(mine, run_id=data["run"], step_id=data["step"])
        content = data["file"].read(LARGEST + 1)
        found = attach(step=step, name=data["file"].name, content=content, actor=actor_of(request))
        return Response(EvidenceSerializer(found).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def content(self, request: Request, pk: int) -> HttpResponse:
        """The bytes, to be saved. Their sha256 is in the evidence and in the ledger."""
        answer = as_download(get_object_or_404(Evidence.objects.visible_to(request.user), pk=pk))
        answer["Content-Type"] = "application/octet-stream"
        return answer
