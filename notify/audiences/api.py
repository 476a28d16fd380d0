"""`/api/v1/audiences|destinations/`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.levels import Level
from accounts.permissions import Commander
from accounts.selectors import actor_of
from integrations.channels import CHANNELS, Undelivered
from integrations.families import masked
from ledger import Invalid
from notify.audiences import changing, services
from notify.audiences.models import Audience, Destination
from notify.audiences.services import LONGEST_PAUSE
from notify.deliveries.testing import send_test


class AudienceSerializer(serializers.ModelSerializer[Audience]):
    class Meta:
        model = Audience
        fields = ["id", "slug", "name", "kind", "purpose", "level"]


class AudienceViewSet(viewsets.ReadOnlyModelViewSet[Audience]):
    """Who can be told."""

    queryset = Audience.objects.order_by("pk")
    serializer_class = AudienceSerializer
    lookup_field = "slug"
    lookup_value_converter = "slug"


class DestinationSerializer(serializers.ModelSerializer[Destination]):
    """Secrets are dots; a viewer is not told the rest of the settings either."""

    audience = serializers.SlugRelatedField[Audience](slug_field="slug", read_only=True, allow_null=True)
    address = serializers.SerializerMethodField()
    config = serializers.SerializerMethodField()

    class Meta:
        model = Destination
        fields = [
            "id",
            "audience",
            "label",
            "channel",
            "address",
            "config",
            "pause",
            "enabled",
            "disabled_because",
            "created_at",
        ]

    def _sees(self) -> bool:
        return getattr(self.context["request"].user, "level", Level.VIEWER) != Level.VIEWER

    def get_address(self, found: Destination) -> str:
        return str(found.address()) if self._sees() else found.shielded

    def get_config(self, found: Destination) -> dict[str, Any]:
        try:
            return masked(found.config) if self._sees() else {}
        except Undelivered:
            return {}


class NewDestinationSerializer(StrictSerializer):
    audience = serializers.SlugField(max_length=63)
    channel = serializers.CharField(max_length=32)
    config = serializers.DictField(help_text="as the channel's page in the documentation has it")
    label: Any = serializers.CharField(
        max_length=80, required=False, allow_blank=True, default=""
    )  # not the field's own
    pause = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=LONGEST_PAUSE,
        help_text="least seconds between two messages; null: as its channel has it",
    )


class ChangedDestinationSerializer(StrictSerializer):
    """What is left out stays as it is; of `config` the secrets alone do."""

    config = serializers.DictField(required=False)
    label: Any = serializers.CharField(max_length=80, required=False, allow_blank=True)
    pause = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=LONGEST_PAUSE)
    enabled = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class TestSentSerializer(StrictSerializer):
    message = serializers.IntegerField(help_text="its deliveries and their tries show how it fared")


class NewKeySerializer(StrictSerializer):
    key = serializers.CharField(help_text="told this once")


class DestinationViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Destination]
):
    """The ways to reach audiences."""

    queryset = Destination.objects.none()
    serializer_class = DestinationSerializer
    permission_classes = (Commander,)
    lookup_value_converter = "int"

    def get_queryset(self) -> "QuerySet[Destination]":
        return Destination.objects.filter(audience__isnull=False).select_related("audience").order_by("pk")

    @extend_schema(request=NewDestinationSerializer, responses={201: DestinationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another way to reach an audience."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        asked = NewDestinationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        slug = data.pop("audience")
        audience = Audience.objects.filter(slug=slug).first()
        if audience is None:
            raise Invalid("audience", f"there is no audience {slug!r}", "one of /api/v1/audiences/")
        if missing := services.left_to_us(data["channel"], data["config"]):
            raise Invalid(f"config.{missing[0]}", "is needed", "made by you: what is answered here holds no secret")
        made = services.add_destination(**data, audience=audience, actor=actor_of(request))
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ChangedDestinationSerializer, responses={200: DestinationSerializer})
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change its settings, or switch it on or off."""
        found = self.get_object()
        asked = ChangedDestinationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data, actor = dict(asked.validated_data), actor_of(request)
        if {"config", "label", "pause"} & data.keys():
            changing.edit_destination(
                destination=found,
                config=data.get("config", _told(found)),
                label=data.get("label", found.label),
                pause=data.get("pause", found.pause),
                actor=actor,
            )
        if "enabled" in data:
            services.set_enabled(
                destination=found, enabled=data["enabled"], reason=data["reason"] or "switched off by hand", actor=actor
            )
        found.refresh_from_db()
        return Response(self.get_serializer(found).data)

    @extend_schema(request=None, responses={202: TestSentSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: int) -> Response:
        """Send it a message that says that nothing happened."""
        sent = send_test(destination=self.get_object(), actor=actor_of(request))
        return Response({"message": sent.pk}, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={200: NewKeySerializer})
    @action(detail=True, methods=["post"], url_path="change-key")
    def change_key(self, request: Request, pk: int) -> Response:
        """A new signing key, told this once; the old one signs along until `settle-key`."""
        key = changing.rotate_key(destination=self.get_object(), actor=actor_of(request))
        return Response({"key": key})

    @extend_schema(request=None, responses={200: DestinationSerializer})
    @action(detail=True, methods=["post"], url_path="settle-key")
    def settle_key(self, request: Request, pk: int) -> Response:
        """The receiver knows the new key: the old one signs nothing any more."""
        found = self.get_object()
        changing.settle_key(destination=found, actor=actor_of(request))
        found.refresh_from_db()
        return Response(self.get_serializer(found).data)


def _told(found: Destination) -> dict[str, Any]:
    """Its settings as they are, but for its secrets, which stay by themselves."""
    secret = CHANNELS[found.channel].secret_names()
    try:
        return {name: value for name, value in masked(found.config).items() if name not in secret}
    except Undelivered:
        return {}
