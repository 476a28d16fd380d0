"""Where alerts come in, and the keys: `POST /api/v1/inbound/{key}/`, the same with the key in a header, and PagerDuty's
own `POST /v2/enqueue`."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, Throttled
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import ProblemSerializer, problem
from accounts.api.serializers import StrictSerializer
from accounts.api.throttles import WindowThrottle
from accounts.permissions import Admin
from accounts.selectors import actor_of
from governance.protocols.models import Protocol
from incidents.inbound import receiving, services
from incidents.inbound.intake import COUNTED
from incidents.inbound.limits import SENDERS
from incidents.inbound.models import InboundKey
from incidents.inbound.senders import Sender, sender_of
from incidents.watch.models import SEVERITIES
from integrations.inbound import INBOUND, Unproved


class RawParser(BaseParser):
    """The body as it came: its size and form are judged before anything is made of it."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return bytes(stream.read(receiving.MAX_BYTES + 1))


class GuessThrottle(WindowThrottle):
    """Wrong keys, by address: whoever tries them learns nothing, slowly."""

    scope = "stranger"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        return f"throttle:guess:{self.get_ident(request)}"


def secret_of(request: Request, in_address: str = "") -> str:
    """From the address, from `Authorization: Bearer …`, or from `X-API-Key`."""
    if in_address:
        return in_address[:200]
    given = request.headers.get("X-API-Key", "")
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return (value.strip() if scheme.lower() == "bearer" else given)[:200]


class ReceivedSerializer(StrictSerializer):
    payload = serializers.IntegerField(help_text="the stored payload")
    alerts = serializers.ListField(
        child=serializers.IntegerField(), help_text="raised, seen again, acknowledged or cleared"
    )


class ReadySerializer(StrictSerializer):
    format = serializers.CharField(help_text="what is expected here")


KEY = OpenApiParameter("key", OpenApiTypes.STR, OpenApiParameter.PATH, description="the secret key, as it was shown")
TAKEN = {
    202: OpenApiResponse(OpenApiTypes.ANY, description="stored; for PagerDuty's format, what PagerDuty answers"),
    200: OpenApiResponse(ReceivedSerializer, description="stored; for senders that take no other 2xx"),
}
BODY = {"application/json": OpenApiTypes.OBJECT}
UNKNOWN = {(404, "application/problem+json"): OpenApiResponse(ProblemSerializer, description="no such key")}


class InboundViewSet(viewsets.GenericViewSet[InboundKey]):
    """Where other systems send alerts. Their key lets them in, and their signature where their format has one."""

    queryset = InboundKey.objects.none()
    serializer_class = ReceivedSerializer
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()  # each key has its own limit, and whoever guesses keys has one
    parser_classes = (RawParser,)
    pagination_class = None

    @extend_schema(request=BODY, responses=TAKEN, parameters=[KEY], auth=[])
    @action(detail=False, methods=["post"], url_path="<str:key>", url_name="receive")
    def receive(self, request: Request, key: str) -> Response:
        """Store an alert; 2xx means that it is stored. The same key while it fires is the same alert."""
        return self._take(request, key)

    @extend_schema(responses={200: ReadySerializer}, parameters=[KEY], auth=[])
    @receive.mapping.get
    def ready(self, request: Request, key: str) -> Response:
        """Whether this key is known: some senders ask before they send. Nothing changes, and no beat is counted."""
        return Response({"format": self._known(request, key).key.format})

    @extend_schema(operation_id="inbound_create_with_header", request=BODY, responses={**TAKEN, **UNKNOWN}, auth=[])
    def create(self, request: Request) -> Response:
        """The same with the key in a header: `Authorization: Bearer KEY`, or `X-API-Key: KEY`."""
        return self._take(request, "")

    @extend_schema(responses={200: ReadySerializer, **UNKNOWN}, auth=[])
    def list(self, request: Request) -> Response:
        """Whether the key in the header is known."""
        return Response({"format": self._known(request, "").key.format})

    def _known(self, request: Request, key: str) -> Sender:
        found = sender_of(secret_of(request, key))
        if found is None:
            guessed(request, self)
            raise NotFound
        return found

    def _take(self, request: Request, key: str) -> Response:
        return take(self._known(request, key), request)


def guessed(request: Request, view: Any) -> None:
    """Whoever tries wrong keys is slowed down; nothing is kept of them but how many."""
    if not GuessThrottle().allow_request(request, view):
        raise Throttled(60)


def take(sender: Sender, request: Request) -> Response:
    """Everything about one request of a known sender."""
    if not request.META.get(COUNTED) and (left := SENDERS.take(sender.key.subject)):
        raise Throttled(left)
    raw = request.data if isinstance(request.data, bytes) else b""
    if len(raw) > receiving.MAX_BYTES:
        return problem(413, "too-large", f"the body is larger than {receiving.MAX_BYTES // 1024} KiB")
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        received = receiving.receive(sender=sender, raw=raw, headers=headers)
    except Unproved as error:
        detail = f"{error.message}: {error.hint}" if error.hint else error.message
        return problem(403, "unsigned", detail)
    body = received.answer or {"payload": received.payload, "alerts": list(received.alerts)}
    return Response(body, status=INBOUND[sender.key.format].accepted)


class InboundKeySerializer(serializers.ModelSerializer[InboundKey]):
    protocol = serializers.SlugRelatedField[Protocol](slug_field="slug", read_only=True, allow_null=True)

    class Meta:
        model = InboundKey
        fields = [
            "id",
            "name",
            "format",
            "config",
            "protocol",
            "severity",
            "failure_mode",
            "enabled",
            "rotated_at",
            "previous_until",
            "created_by",
            "created_at",
        ]


class NewInboundKeySerializer(StrictSerializer):
    name = serializers.CharField(max_length=80)
    format = serializers.CharField(max_length=40, default="generic")
    config = serializers.DictField(required=False, default=dict)
    severity = serializers.ChoiceField(choices=SEVERITIES, default="SEV3")
    failure_mode = serializers.SlugField(max_length=63, allow_blank=True, default="")
    protocol = serializers.SlugField(max_length=60, required=False)


class CreatedKeySerializer(StrictSerializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    key = serializers.CharField(help_text="shown this once")


class EnableSerializer(StrictSerializer):
    enabled = serializers.BooleanField()


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

    @extend_schema(request=None, responses={200: CreatedKeySerializer})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: int) -> Response:
        """A new secret; the one before works for another 24 hours."""
        key = self.get_object()
        secret = services.rotate_key(key=key, actor=actor_of(request))
        return Response({"id": key.pk, "name": key.name, "key": secret})

    @extend_schema(request=EnableSerializer, responses={200: InboundKeySerializer})
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: int) -> Response:
        """Switch it on or off."""
        asked = EnableSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        enabled = asked.validated_data["enabled"]
        return Response(
            InboundKeySerializer(
                services.enable_key(key=self.get_object(), enabled=enabled, actor=actor_of(request))
            ).data
        )
