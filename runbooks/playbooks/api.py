"""`/api/v1/playbooks/`: the library, its versions, its language."""

import hashlib
import json
from typing import Any

from django.db.models import Max, QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped, Signed
from accounts.selectors import actor_of
from ledger.errors import Invalid
from runbooks.cacao.document import cacao_bytes
from runbooks.cacao.extension import extension_schema
from runbooks.plans.world import lint_among_stored
from runbooks.playbooks.changes import compare_meaning, unified
from runbooks.playbooks.jsonschema import json_schema
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.reader import MAX_BYTES
from runbooks.playbooks.selectors import document_of, find_playbooks, newest_version, version_of
from runbooks.playbooks.services import MAX_NOTE, save_version, set_archived


class VersionSerializer(serializers.ModelSerializer[PlaybookVersion]):
    playbook = serializers.SlugRelatedField[Playbook](slug_field="slug", read_only=True)

    class Meta:
        model = PlaybookVersion
        fields = ["id", "playbook", "number", "sha256", "note", "yaml", "created_by", "created_at"]


class PlaybookSerializer(serializers.ModelSerializer[Playbook]):
    when = serializers.ListField(child=serializers.CharField(), read_only=True)
    version = serializers.SerializerMethodField()

    class Meta:
        model = Playbook
        fields = ["id", "slug", "title", "summary", "when", "version", "archived", "created_at"]

    def get_version(self, playbook: Playbook) -> int:
        """The newest; a list brings it along, so that it asks the database once."""
        brought = getattr(playbook, "newest", None)
        return newest_version(playbook).number if brought is None else int(brought)


class LintSerializer(StrictSerializer):
    yaml = serializers.CharField(max_length=MAX_BYTES, trim_whitespace=False, allow_blank=True)


class NewVersionSerializer(StrictSerializer):
    yaml = serializers.CharField(max_length=MAX_BYTES, trim_whitespace=False)
    note = serializers.CharField(max_length=MAX_NOTE, allow_blank=True, default="", help_text="what changed, and why")
    base = serializers.IntegerField(
        min_value=0,
        max_value=1_000_000,
        allow_null=True,
        default=None,
        help_text="the version it was made from, 0 for a new playbook; 409 when that is no longer the newest",
    )


class ProblemLineSerializer(StrictSerializer):
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    message = serializers.CharField()
    hint = serializers.CharField()


class LintedSerializer(StrictSerializer):
    ok = serializers.BooleanField()
    problems = ProblemLineSerializer(many=True)


class LeafSerializer(StrictSerializer):
    path = serializers.CharField(help_text="where in the step, such as retry.attempts")
    before = serializers.CharField()
    after = serializers.CharField()


class ChangeSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=["added", "removed", "changed", "moved"])
    what = serializers.CharField(help_text="the playbook, an input or a step")
    details = LeafSerializer(many=True)


class DifferenceSerializer(StrictSerializer):
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    changes = ChangeSerializer(many=True, help_text="what a run would do otherwise")
    lines = serializers.CharField(help_text="a unified diff of the YAML")


AFTER = OpenApiParameter("after", int, description="a version; without it, the newest")
BEFORE = OpenApiParameter("before", int, description="a version; without it, the one before `after`")
FILTERS = [
    OpenApiParameter("q", str, description="words in name, title or summary"),
    OpenApiParameter("mode", str, description="a failure mode that it answers"),
    OpenApiParameter("archived", bool, description="those in the archive instead"),
]


@extend_schema_view(
    create=extend_schema(request=NewVersionSerializer, responses={201: VersionSerializer}),
    list=extend_schema(parameters=FILTERS),
)
class PlaybookViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Playbook]
):
    """Procedures, written beforehand. A POST saves a new version; versions never change."""

    queryset = Playbook.objects.all()
    serializer_class = PlaybookSerializer
    lookup_field = "slug"
    lookup_value_converter = "slug"
    token_scope = "admin"

    def get_permissions(self) -> Any:
        rules: dict[str, type[BasePermission]] = {
            "create": Commander,
            "archive": Commander,
            "unarchive": Commander,
            "lint": Signed,
            "language": AllowAny,
            "extension": AllowAny,
        }
        return [rules.get(self.action, ReadScoped)()]

    def get_queryset(self) -> QuerySet[Playbook]:
        if self.action != "list":
            return super().get_queryset()
        asked = self.request.query_params
        found = find_playbooks(
            words=asked.get("q", "")[:100],
            mode=asked.get("mode", "")[:63],
            archived=asked.get("archived", "").lower() in ("1", "true"),
        )
        listed = super().get_queryset().filter(pk__in=[playbook.pk for playbook in found])
        return listed.annotate(newest=Max("versions__number"))

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Save YAML as a new version of the playbook that it names."""
        asked = NewVersionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version = save_version(**asked.validated_data, actor=actor_of(request))
        return Response(VersionSerializer(version).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=LintSerializer, responses={200: LintedSerializer})
    @action(detail=False, methods=["post"], url_path="lint", pagination_class=None)
    def lint(self, request: Request) -> Response:
        """Every mistake with its line and column; nothing is stored."""
        asked = LintSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        problems = lint_among_stored(asked.validated_data["yaml"]).problems
        lines = [{"line": p.line, "column": p.column, "message": p.message, "hint": p.hint} for p in problems]
        return Response({"ok": not lines, "problems": lines})

    @extend_schema(responses={(200, "application/schema+json"): OpenApiTypes.OBJECT}, auth=[])
    @action(detail=False, methods=["get"], url_path="schema", pagination_class=None)
    def language(self, request: Request) -> HttpResponseBase:
        """The JSON Schema of the language, for editors: open to all, since it is the same everywhere."""
        return _kept(request, json_schema())

    @extend_schema(responses={(200, "application/schema+json"): OpenApiTypes.OBJECT}, auth=[])
    @action(detail=False, methods=["get"], url_path="cacao-extension", pagination_class=None)
    def extension(self, request: Request) -> HttpResponseBase:
        """The JSON Schema of the extension that CACAO exports use; they name this address."""
        return _kept(request, extension_schema())

    @extend_schema(responses={200: VersionSerializer(many=True)})
    @action(detail=True, methods=["get"])
    def versions(self, _request: Request, slug: str) -> Response:
        """All versions, newest first."""
        found: Any = self.get_object().versions.select_related("playbook")
        page: Any = self.paginate_queryset(found)
        return self.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(parameters=[BEFORE, AFTER], responses={200: DifferenceSerializer})
    @action(detail=True, methods=["get"], pagination_class=None)
    def diff(self, request: Request, slug: str) -> Response:
        """What differs between two versions: for a run, and line by line."""
        playbook = self.get_object()
        after = _version(request, playbook, "after", newest_version(playbook).number)
        before = _version(request, playbook, "before", max(after.number - 1, 1))
        changes = [
            {
                "kind": change.kind,
                "what": change.what,
                "details": [{"path": path, "before": old, "after": new} for path, old, new in change.details],
            }
            for change in compare_meaning(document_of(before), document_of(after))
        ]
        lines = unified(before, after)
        return Response({"before": before.number, "after": after.number, "changes": changes, "lines": lines})

    @extend_schema(
        parameters=[OpenApiParameter("version", int, description="without it, the newest")],
        responses={200: OpenApiTypes.OBJECT},
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def cacao(self, request: Request, slug: str) -> HttpResponseBase:
        """A version as CACAO v2.0 (OASIS security playbooks), the same bytes every time. No secrets are in it."""
        playbook = self.get_object()
        version = _version(request, playbook, "version", newest_version(playbook).number)
        return HttpResponse(cacao_bytes(version), content_type="application/json")

    @extend_schema(request=None, responses={200: PlaybookSerializer})
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, slug: str) -> Response:
        """Out of the list, no longer suggested; versions and runs stay."""
        return self._archived(request, archived=True)

    @extend_schema(request=None, responses={200: PlaybookSerializer})
    @action(detail=True, methods=["post"])
    def unarchive(self, request: Request, slug: str) -> Response:
        """Back into the list."""
        return self._archived(request, archived=False)

    def _archived(self, request: Request, *, archived: bool) -> Response:
        playbook = set_archived(playbook=self.get_object(), archived=archived, actor=actor_of(request))
        return Response(PlaybookSerializer(playbook).data)


def _version(request: Request, playbook: Playbook, name: str, otherwise: int) -> PlaybookVersion:
    raw = request.query_params.get(name, "")
    if raw and not (raw.isascii() and raw.isdigit() and len(raw) <= 9):
        raise Invalid(name, "is not the number of a version", "a whole number, such as 3")
    version = version_of(playbook, int(raw) if raw else otherwise)
    if version is None:
        raise Http404("no such version")
    return version


def _kept(request: Request, document: dict[str, Any]) -> HttpResponseBase:
    """JSON that rarely changes: an ETag by its bytes, and an hour in which nobody need ask again."""
    body = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    answer = HttpResponse(body, content_type="application/schema+json")
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return get_conditional_response(request._request, etag=etag, response=answer) or answer
