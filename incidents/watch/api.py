"""`/api/v1/monitors/`."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped, Responder
from accounts.selectors import actor_of
from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES, Monitor
from incidents.watch.services import change_monitor, mute, save_monitor, unmute
from incidents.watch.trying import MOST_BLOCKS, back_test, filled_in
from integrations.chain.models import Chain


class MonitorSerializer(serializers.ModelSerializer[Monitor]):
    chain = serializers.SlugRelatedField[Chain](slug_field="chain_id", read_only=True)
    protocol = serializers.SlugRelatedField[Protocol](slug_field="slug", read_only=True, allow_null=True)
    state = serializers.CharField(read_only=True)

    class Meta:
        model = Monitor
        fields = [
            "id",
            "slug",
            "name",
            "kind",
            "config",
            "chain",
            "protocol",
            "severity",
            "failure_mode",
            "enabled",
            "muted_until",
            "mute_reason",
            "state",
            "reading",
            "changed_block",
            "changed_at",
        ]


class NewMonitorSerializer(StrictSerializer):
    """A monitor; with a slug that is there already, that one is changed. What the kind fills in may be left out."""

    slug = serializers.SlugField(max_length=63)
    name = serializers.CharField(max_length=120)
    kind = serializers.CharField(max_length=40)
    config = serializers.DictField()
    chain = serializers.IntegerField(min_value=1, max_value=2**53, help_text="the chain's id")
    protocol = serializers.SlugField(max_length=60, required=False)
    severity = serializers.ChoiceField(choices=SEVERITIES, default="SEV2")
    failure_mode = serializers.SlugField(max_length=63, allow_blank=True, default="")
    enabled = serializers.BooleanField(default=True)


class MonitorChangeSerializer(StrictSerializer):
    """What is named is changed, the rest stays; a config is given whole."""

    name = serializers.CharField(max_length=120, required=False)
    config = serializers.DictField(required=False)
    severity = serializers.ChoiceField(choices=SEVERITIES, required=False)
    failure_mode = serializers.SlugField(max_length=63, allow_blank=True, required=False)
    enabled = serializers.BooleanField(required=False)


class MuteSerializer(StrictSerializer):
    """For how long nobody is told; 0 ends it."""

    minutes = serializers.IntegerField(min_value=0, max_value=10_080)
    reason = serializers.CharField(max_length=200, required=False, default="")


class BackTestSerializer(StrictSerializer):
    blocks = serializers.IntegerField(min_value=1, max_value=MOST_BLOCKS, default=120)


class WouldAlertSerializer(serializers.Serializer[Any]):
    """An alert that would have been raised, from block to block."""

    title = serializers.CharField()
    first_block = serializers.IntegerField(source="first.number")
    cleared_block = serializers.IntegerField(source="cleared.number", allow_null=True, default=None)
    reading = serializers.DictField()


class BackTestedSerializer(serializers.Serializer[Any]):
    """`unread`: blocks whose state no endpoint keeps any more. `blind`: why it could not judge, and how often."""

    blocks = serializers.IntegerField()
    unread = serializers.IntegerField()
    blind = serializers.DictField(child=serializers.IntegerField())
    took_ms = serializers.IntegerField()
    alerts = WouldAlertSerializer(many=True)


@extend_schema_view(create=extend_schema(request=NewMonitorSerializer, responses={201: MonitorSerializer}))
class MonitorViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Monitor]
):
    """What is looked at with every block."""

    queryset = Monitor.objects.select_related("chain", "protocol")
    serializer_class = MonitorSerializer
    filterset_fields = ("kind", "enabled", "breached")
    lookup_field = "slug"
    lookup_value_converter = "slug"

    idempotent_in_transaction = False  # what is filled in is asked of the chain first

    def get_permissions(self) -> list[Any]:
        if self.action in ("mute", "back_test"):
            return [Responder()]
        return [Commander() if self.action in ("create", "partial_update") else ReadScoped()]

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        asked = NewMonitorSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        chain = Chain.objects.filter(chain_id=data.pop("chain")).first()
        if chain is None:
            raise serializers.ValidationError({"chain": "there is no such chain"})
        slug = data.pop("protocol", None)
        protocol = Protocol.objects.filter(slug=slug).first() if slug else None
        if slug and protocol is None:
            raise serializers.ValidationError({"protocol": "there is no such protocol"})
        data["config"] = filled_in(data["kind"], data["config"], chain)
        monitor = save_monitor(**data, chain=chain, protocol=protocol, actor=actor_of(request))
        return Response(MonitorSerializer(monitor).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=MonitorChangeSerializer, responses=MonitorSerializer)
    def partial_update(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        monitor, asked = self.get_object(), MonitorChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        if "config" in data:
            data["config"] = filled_in(monitor.kind, data["config"], monitor.chain)
        return Response(MonitorSerializer(change_monitor(monitor=monitor, actor=actor_of(request), **data)).data)

    @extend_schema(request=MuteSerializer, responses=MonitorSerializer)
    @action(detail=True, methods=["post"])
    def mute(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Judged and shown as ever, but nobody is told until the time is over."""
        monitor, asked = self.get_object(), MuteSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given, actor = asked.validated_data, actor_of(request)
        changed = (
            mute(monitor=monitor, **given, actor=actor) if given["minutes"] else unmute(monitor=monitor, actor=actor)
        )
        return Response(MonitorSerializer(changed).data)

    @extend_schema(request=BackTestSerializer, responses=BackTestedSerializer)
    @action(detail=True, methods=["post"], url_path="back-test")
    def back_test(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """The alerts that it would have raised over the newest blocks. Nothing is written."""
        monitor, asked = self.get_object(), BackTestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = back_test(monitor.kind, monitor.config, monitor.chain, asked.validated_data["blocks"])
        names = ("unread", "blind", "took_ms", "alerts")
        said = {"blocks": len(found.points), **{name: getattr(found, name) for name in names}}
        return Response(BackTestedSerializer(said).data)
