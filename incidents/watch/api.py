"""`/api/v1/monitors/`."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped
from accounts.selectors import actor_of
from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES, Monitor
from incidents.watch.services import save_monitor
from integrations.chain.models import Chain


class MonitorSerializer(serializers.ModelSerializer[Monitor]):
    chain = serializers.SlugRelatedField[Chain](slug_field="chain_id", read_only=True)
    protocol = serializers.SlugRelatedField[Protocol](slug_field="slug", read_only=True)
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
            "state",
            "reading",
            "changed_block",
            "changed_at",
        ]


class NewMonitorSerializer(StrictSerializer):
    """A monitor; with a slug that is there already, that one is changed."""

    slug = serializers.SlugField(max_length=63)
    name = serializers.CharField(max_length=120)
    kind = serializers.CharField(max_length=40)
    config = serializers.DictField()
    chain = serializers.IntegerField(min_value=1, max_value=2**53, help_text="the chain's id")
    protocol = serializers.SlugField(max_length=60, required=False)
    severity = serializers.ChoiceField(choices=SEVERITIES, default="SEV2")
    failure_mode = serializers.SlugField(max_length=63, allow_blank=True, default="")
    enabled = serializers.BooleanField(default=True)


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

    def get_permissions(self) -> list[Any]:
        return [Commander() if self.action == "create" else ReadScoped()]

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
        monitor = save_monitor(**data, chain=chain, protocol=protocol, actor=actor_of(request))
        return Response(MonitorSerializer(monitor).data, status=status.HTTP_201_CREATED)
