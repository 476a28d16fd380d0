"""`/api/v1/rotations/`."""

from datetime import time
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped, Responder
from accounts.selectors import actor_of
from notify.ladders.gaps import rotation_gaps
from notify.rotations import services
from notify.rotations.layers import DAYS
from notify.rotations.models import Override, Rotation
from notify.rotations.selectors import calendar


@extend_schema_field({"type": "string", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:00)?$"})
class WallTime(serializers.TimeField):
    """What a clock on the wall shows; OpenAPI's `time` names a zone."""


class LayerSerializer(StrictSerializer):
    """People who take turns. The last layer that covers a moment counts."""

    people = serializers.ListField(child=serializers.CharField(max_length=150), min_length=1, max_length=50)
    every = serializers.IntegerField(min_value=1, max_value=365, default=1)
    unit = serializers.ChoiceField(choices=["hours", "days", "weeks"], default="weeks")
    starts = serializers.DateField()
    hand_over = WallTime(default=time(9), help_text="in the rotation's own time")
    days = serializers.ListField(child=serializers.ChoiceField(choices=DAYS), required=False, max_length=7)
    from_time = WallTime(required=False, allow_null=True)
    until_time = WallTime(required=False, allow_null=True)


class RotationSerializer(serializers.ModelSerializer[Rotation]):
    layers = LayerSerializer(many=True, source="layering", read_only=True)

    class Meta:
        model = Rotation
        fields = ["id", "slug", "name", "zone", "layers", "changed_at"]


class ShiftSerializer(serializers.Serializer[Any]):
    """`user` is null while nobody is on call."""

    user = serializers.CharField(source="user.actor", default=None, allow_null=True)
    name = serializers.CharField(source="user.display_name", default="")
    since = serializers.DateTimeField(source="shift.since")
    until = serializers.DateTimeField(source="shift.until")
    stands_in = serializers.BooleanField(source="shift.stands_in")


class OverrideSerializer(serializers.ModelSerializer[Override]):
    user = serializers.CharField(source="user.actor", read_only=True)

    class Meta:
        model = Override
        fields = ["id", "user", "since", "until", "reason", "made_by", "made_at"]


class OneRotationSerializer(RotationSerializer):
    shifts = serializers.SerializerMethodField(help_text="now, and the days to come")
    overrides = serializers.SerializerMethodField()
    gaps = serializers.SerializerMethodField(help_text="what would go wrong")

    class Meta(RotationSerializer.Meta):
        fields = [*RotationSerializer.Meta.fields, "shifts", "overrides", "gaps"]

    @extend_schema_field(ShiftSerializer(many=True))
    def get_shifts(self, rotation: Rotation) -> Any:
        return ShiftSerializer(calendar(rotation).turns, many=True).data

    @extend_schema_field(OverrideSerializer(many=True))
    def get_overrides(self, rotation: Rotation) -> Any:
        return OverrideSerializer(rotation.overrides.filter(removed_at=None).select_related("user"), many=True).data

    def get_gaps(self, rotation: Rotation) -> list[str]:
        return [gap.what for gap in rotation_gaps(calendar(rotation))]


class NewRotationSerializer(StrictSerializer):
    """A rotation; with a slug that is there already, that one is changed."""

    slug = serializers.SlugField(max_length=63)
    name = serializers.CharField(max_length=80)
    zone = serializers.CharField(max_length=64, default="UTC", help_text="such as Europe/Berlin")
    layers = LayerSerializer(many=True)


class NewOverrideSerializer(StrictSerializer):
    user = serializers.CharField(max_length=150, help_text="a username")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class RotationViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Rotation]
):
    """Who is on call, and when."""

    queryset = Rotation.objects.all()
    serializer_class = RotationSerializer
    lookup_field = "slug"
    lookup_value_converter = "slug"
    idempotent_actions = frozenset({"create", "stand_in"})

    def get_permissions(self) -> list[Any]:
        if self.action in ("create", "destroy"):
            return [Commander()]
        return [Responder() if self.action in ("stand_in", "take_back") else ReadScoped()]

    @extend_schema(request=NewRotationSerializer, responses={201: OneRotationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Set up a rotation, or change one."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        asked = NewRotationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        saved = services.save_rotation(**asked.validated_data, actor=actor_of(request))
        return Response(OneRotationSerializer(saved).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: OneRotationSerializer})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(OneRotationSerializer(self.get_object()).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, slug: str) -> Response:
        """Not while a ladder names it."""
        services.remove_rotation(rotation=self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=NewOverrideSerializer, responses={201: OverrideSerializer})
    @action(detail=True, methods=["post"], url_path="overrides")
    def stand_in(self, request: Request, slug: str) -> Response:
        """Somebody stands in for whoever's turn it is."""
        rotation = self.get_object()
        asked = NewOverrideSerializer(data=request.data)
        asked.is_valid(raise_exception=True)

        def make() -> Response:
            made = services.add_override(rotation=rotation, actor=actor_of(request), **asked.validated_data)
            return Response(OverrideSerializer(made).data, status=status.HTTP_201_CREATED)

        return self.once(request, make)

    @extend_schema(responses={204: None})
    @action(detail=True, methods=["delete"], url_path="overrides/<int:override>")
    def take_back(self, request: Request, slug: str, override: int) -> Response:
        """Whose turn it is counts again."""
        of_this = Override.objects.select_related("rotation", "user").filter(rotation=self.get_object())
        services.remove_override(override=get_object_or_404(of_this, pk=override), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
