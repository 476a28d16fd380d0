"""`/api/v1/pages/`."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import IdFilter
from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.models import User
from accounts.permissions import Responder
from accounts.selectors import actor_of
from ledger import Refused
from ledger.models import Scope
from notify.pages import selectors, services
from notify.pages.models import Notice, Page


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    user = serializers.CharField(source="user.actor", default=None, allow_null=True, read_only=True)
    audience = serializers.CharField(source="audience.slug", default=None, allow_null=True, read_only=True)

    class Meta:
        model = Notice
        fields = ["round", "step", "user", "audience", "why", "reachable", "message", "at"]


class PageSerializer(serializers.ModelSerializer[Page]):
    """`round` and `step` (from 0) are the rung that is told at `due_at`; of an acknowledged page, `due_at` is when
    the acknowledgement lapses if nothing is done."""

    ladder = serializers.CharField(source="frozen.name", read_only=True)
    acked_by = serializers.CharField(source="acked_by.actor", default=None, allow_null=True, read_only=True)

    class Meta:
        model = Page
        fields = [
            "id",
            "about",
            "title",
            "text",
            "link",
            "severity",
            "scope",
            "ladder",
            "status",
            "round",
            "step",
            "due_at",
            "climbed_at",
            "unanswered_at",
            "opened_by",
            "opened_at",
            "acked_by",
            "acked_at",
            "acked_how",
            "ended_at",
            "ended_because",
            "follows",
        ]


class OnePageSerializer(PageSerializer):
    notices = NoticeSerializer(many=True, read_only=True)
    climb = serializers.SerializerMethodField(help_text="the ladder as it was when the page began")

    class Meta(PageSerializer.Meta):
        fields = [*PageSerializer.Meta.fields, "climb", "notices"]

    def get_climb(self, page: Page) -> dict[str, Any]:
        shown: dict[str, Any] = page.climb.model_dump(mode="json")
        return shown


class NewPageSerializer(StrictSerializer):
    """Somebody is needed. They are told every two minutes, then everybody named every fifteen, until one has it."""

    targets = serializers.ListField(
        child=serializers.CharField(max_length=160),
        min_length=1,
        max_length=20,
        help_text="such as `person:ana`, `rotation:primary`, `role:commander`, `audience:responders`",
    )
    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=services.LONGEST_TEXT, required=False, allow_blank=True, default="")
    scope = serializers.IntegerField(required=False, min_value=1, max_value=2**53, help_text="what it belongs to")


class ResolvePageSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=300)


class PageFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.ChoiceFilter(choices=Page.State.choices)
    scope = IdFilter()
    about = django_filters.CharFilter()


class PageViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Page]
):
    """Who is asked for, and whether somebody has it in hand. A page climbs until it is acknowledged or resolved."""

    queryset = Page.objects.none()
    serializer_class = PageSerializer
    filterset_class = PageFilter
    lookup_value_converter = "int"
    token_scope = "incidents:write"
    idempotent_actions = frozenset({"create", "ack", "resolve"})

    def get_permissions(self) -> list[Any]:
        return [Responder()]

    def get_queryset(self) -> "QuerySet[Page]":
        return selectors.pages(self.request.user)

    @extend_schema(request=NewPageSerializer, responses={201: OnePageSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Page somebody by hand."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        asked = NewPageSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        scope = None
        if "scope" in data:
            scope = Scope.objects.visible_to(request.user).filter(pk=data.pop("scope")).first()
            if scope is None:
                raise serializers.ValidationError({"scope": "there is no such scope"})
        page = services.page_by_hand(**data, scope=scope, actor=actor_of(request))
        return Response(self._one(page), status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: OnePageSerializer})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self._one(self.get_object()))

    def _one(self, page: Page) -> dict[str, Any]:
        fresh = self.get_queryset().prefetch_related("notices__user", "notices__audience").get(pk=page.pk)
        shown: dict[str, Any] = OnePageSerializer(fresh).data
        return shown

    @extend_schema(request=None, responses={200: OnePageSerializer})
    @action(detail=True, methods=["post"])
    def ack(self, request: Request, pk: int) -> Response:
        """You have it: nobody else is told. Again: it is still being worked on, and the acknowledgement holds."""
        page, user = self.get_object(), request.user
        if not isinstance(user, User):
            raise Refused("Only a person can acknowledge.", "sign in", "no-person")

        def make() -> Response:
            services.ack(page=page, user=user, actor=actor_of(request), how="api")
            return Response(self._one(page))

        return self.once(request, make)

    @extend_schema(request=ResolvePageSerializer, responses={200: OnePageSerializer})
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: int) -> Response:
        """Nobody is needed any more. What still fires does not ask anew."""
        page = self.get_object()
        asked = ResolvePageSerializer(data=request.data)
        asked.is_valid(raise_exception=True)

        def make() -> Response:
            services.resolve(page=page, actor=actor_of(request), reason=asked.validated_data["reason"])
            return Response(self._one(page))

        return self.once(request, make)
