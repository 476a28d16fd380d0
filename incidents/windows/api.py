"""`/api/v1/windows/`."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped
from accounts.selectors import actor_of
from governance.protocols.models import Protocol
from incidents.windows import services
from incidents.windows.models import Window


class WindowSerializer(serializers.ModelSerializer[Window]):
    protocol = serializers.SlugRelatedField[Protocol](slug_field="slug", read_only=True, allow_null=True)
    state = serializers.CharField(read_only=True, help_text="planned, active or over")

    class Meta:
        model = Window
        fields = [
            "id",
            "title",
            "protocol",
            "pattern",
            "grave",
            "starts_at",
            "ends_at",
            "ended_at",
            "ended_by",
            "created_by",
            "state",
        ]


class NewWindowSerializer(StrictSerializer):
    title = serializers.CharField(max_length=120)
    protocol = serializers.SlugField(max_length=60, required=False)
    pattern = serializers.CharField(
        max_length=200, allow_blank=True, default="", help_text="of dedup keys, with * for anything: oracle_stale:*"
    )
    grave = serializers.BooleanField(default=False, help_text="also mute alerts of SEV1")
    starts_at = serializers.DateTimeField(required=False, help_text="now, if it is left out")
    ends_at = serializers.DateTimeField(help_text="at most a week later")


@extend_schema_view(create=extend_schema(request=NewWindowSerializer, responses={201: WindowSerializer}))
class WindowViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Window]
):
    """Maintenance: alerts that are expected open no incident and page nobody."""

    queryset = Window.objects.select_related("protocol")
    serializer_class = WindowSerializer
    lookup_value_converter = "int"
    token_scope = "alerts:write"

    def get_permissions(self) -> list[Any]:
        return [ReadScoped() if self.action in ("list", "retrieve") else Commander()]

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        asked = NewWindowSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        slug = data.pop("protocol", None)
        protocol = Protocol.objects.filter(slug=slug).first() if slug else None
        if slug and protocol is None:
            raise serializers.ValidationError({"protocol": "there is no such protocol"})
        window = services.open_window(**data, protocol=protocol, actor=actor_of(request))
        return Response(WindowSerializer(window).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: WindowSerializer})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: int) -> Response:
        """End it before its time."""
        return Response(WindowSerializer(services.end_window(window=self.get_object(), actor=actor_of(request))).data)
