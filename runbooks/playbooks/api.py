"""`/api/v1/playbooks/`: the library, its versions, its language."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped, Signed
from accounts.selectors import actor_of
from runbooks.playbooks.lint import lint
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.reader import MAX_BYTES
from runbooks.playbooks.schema import json_schema
from runbooks.playbooks.selectors import newest_version
from runbooks.playbooks.services import save_version


class VersionSerializer(serializers.ModelSerializer[PlaybookVersion]):
    playbook = serializers.SlugRelatedField[Playbook](slug_field="slug", read_only=True)

    class Meta:
        model = PlaybookVersion
        fields = ["id", "playbook", "number", "sha256", "yaml", "created_by", "created_at"]


class PlaybookSerializer(serializers.ModelSerializer[Playbook]):
    when = serializers.ListField(child=serializers.CharField(), read_only=True)
    version = serializers.SerializerMethodField()

    class Meta:
        model = Playbook
        fields = ["id", "slug", "title", "summary", "when", "version", "archived", "created_at"]

    def get_version(self, playbook: Playbook) -> int:
        return newest_version(playbook).number


class YamlSerializer(StrictSerializer):
    yaml = serializers.CharField(max_length=MAX_BYTES, trim_whitespace=False)


class ProblemLineSerializer(StrictSerializer):
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    message = serializers.CharField()
    hint = serializers.CharField()


class LintedSerializer(StrictSerializer):
    ok = serializers.BooleanField()
    problems = ProblemLineSerializer(many=True)


@extend_schema_view(create=extend_schema(request=YamlSerializer, responses={201: VersionSerializer}))
class PlaybookViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Playbook]
):
    """Procedures, written beforehand. A POST saves a new version; versions never change."""

    queryset = Playbook.objects.filter(archived=False)
    serializer_class = PlaybookSerializer
    lookup_field = "slug"
    lookup_value_converter = "slug"
    token_scope = "admin"

    def get_permissions(self) -> Any:
        rules: dict[str, type[BasePermission]] = {"create": Commander, "lint": Signed}
        return [rules.get(self.action, ReadScoped)()]

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Save YAML as a new version of the playbook that it names."""
        asked = YamlSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version = save_version(yaml=asked.validated_data["yaml"], actor=actor_of(request))
        return Response(VersionSerializer(version).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=YamlSerializer, responses={200: LintedSerializer})
    @action(detail=False, methods=["post"], url_path="lint", pagination_class=None)
    def lint(self, request: Request) -> Response:
        """Every mistake with its line and column; nothing is stored."""
        asked = YamlSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        problems = lint(asked.validated_data["yaml"]).problems
        lines = [{"line": p.line, "column": p.column, "message": p.message, "hint": p.hint} for p in problems]
        return Response({"ok": not lines, "problems": lines})

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=False, methods=["get"], url_path="schema", pagination_class=None)
    def language(self, _request: Request) -> Response:
        """The JSON Schema of the language, for editors."""
        return Response(json_schema())

    @extend_schema(responses={200: VersionSerializer(many=True)})
    @action(detail=True, methods=["get"])
    def versions(self, _request: Request, slug: str) -> Response:
        """All versions, newest first."""
        found: Any = self.get_object().versions.select_related("playbook")
        page: Any = self.paginate_queryset(found)
        return self.get_paginated_response(VersionSerializer(page, many=True).data)
