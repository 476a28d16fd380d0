"""`POST /api/v1/inbound/{key}/`, and the keys."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import problem
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Admin
from accounts.selectors import actor_of
from governance.protocols.models import Protocol
from incidents.inbound import services
from incidents.inbound.models import InboundKey
from incidents.watch.models import SEVERITIES


class RawParser(BaseParser):
    """The body as it came: its size and form are judged before anything is made of it."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return bytes(stream.read(services.MAX_BYTES + 1))


class ReceivedSerializer(StrictSerializer):
    payload = serializers.IntegerField(help_text="the stored payload")
    alerts = serializers.ListField(child=serializers.IntegerField(), help_text="raised, seen again, or cleared")


BODY = {"application/json": OpenApiTypes.OBJECT}
KEY = OpenApiParameter("key", OpenApiTypes.STR, OpenApiParameter.PATH, description="the secret key, as it was shown")


class InboundViewSet(viewsets.GenericViewSet[InboundKey]):
    """Where other systems send alerts. The key in the address is the only thing that lets a sender in."""

    queryset = InboundKey.objects.none()
    serializer_class = ReceivedSerializer
    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (RawParser,)
    pagination_class = None

    @extend_schema(
        request={"application/json": OpenApiTypes.OBJECT},
        responses={202: ReceivedSerializer},
        parameters=[KEY],
        auth=[],
    )
    @action(detail=False, methods=["post"], url_path="<str:key>", url_name="receive")
    def receive(self, request: Request, key: str) -> Response:
        """Store an alert; 202 means that it is stored. The same key while it fires is the same alert."""
        found = services.key_for(key) if len(key) <= 200 else None
        if found is None:
            raise NotFound
        raw = request.data if isinstance(request.data, bytes) else b""
        if len(raw) > services.MAX_BYTES:
            return problem(413, "too-large", f"the body is larger than {services.MAX_BYTES // 1024} KiB")
        received = services.receive(key=found, body=services.parse(raw))
        body = {"payload": received.payload.pk, "alerts": [alert.pk for alert in received.alerts]}
        return Response(body, status=status.HTTP_202_ACCEPTED)


class InboundKeySerializer(serializers.ModelSerializer[InboundKey]):
    protocol = serializers.SlugRelatedField[Protocol](slug_field="slug", read_only=True)

    class Meta:
        model = InboundKey
        fields = ["id", "name", "format", "config", "protocol", "severity", "enabled", "created_by", "created_at"]


class NewInboundKeySerializer(StrictSerializer):
    name = serializers.CharField(max_length=80)
    format = serializers.CharField(max_length=40, default="generic")
    config = serializers.DictField(required=False, default=dict)
    severity = serializers.ChoiceField(choices=SEVERITIES, default="SEV3")
    protocol = serializers.SlugField(max_length=60, required=False)


class CreatedKeySerializer(StrictSerializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    key = serializers.CharField(help_text="shown this once")


class InboundKeyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[InboundKey]):
    """Who may send alerts, and how their payloads are read."""

    queryset = InboundKey.objects.select_related("protocol")
    serializer_class = InboundKeySerializer
    permission_classes = (Admin,)
    lookup_value_converter = "int"

    @extend_schema(request=NewInboundKeySerializer, responses={201: CreatedKeySerializer})
    def create(self, request: Request) -> Response:
        """A new key; it is answered once and never again."""
        asked = NewInboundKeySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        slug = data.pop("protocol", None)
        protocol = Protocol.objects.filter(slug=slug).first() if slug else None
        if slug and protocol is None:
            raise serializers.ValidationError({"protocol": "there is no such protocol"})
        row, secret = services.create_key(**data, protocol=protocol, actor=actor_of(request))
        return Response({"id": row.pk, "name": row.name, "key": secret}, status=status.HTTP_201_CREATED)
