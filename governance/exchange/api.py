"""`/api/v1/safe-services/`: the Safe Transaction Service of each chain. A key goes in and never comes out."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Admin, ReadScoped
from accounts.selectors import actor_of
from governance.exchange import services
from governance.exchange.models import SafeService, Sharing
from governance.exchange.selectors import State
from integrations.chain.models import Chain
from ledger import Invalid


class SafeServiceSerializer(serializers.ModelSerializer[SafeService]):
    chain_id = serializers.IntegerField(source="chain.chain_id", read_only=True)
    has_key = serializers.SerializerMethodField()

    class Meta:
        model = SafeService
        fields = ["id", "chain_id", "url", "has_key", "enabled", "paused_until", "set_by", "set_at"]

    def get_has_key(self, service: SafeService) -> bool:
        return bool(service.key)


class SetServiceSerializer(StrictSerializer):
    chain_id = serializers.IntegerField(min_value=1)
    url = serializers.CharField(max_length=services.LONGEST_URL, help_text=services.BASE)
    key = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=services.LONGEST_KEY,
        trim_whitespace=False,
        help_text="left out: the one that is set stays; empty: none",
    )
    enabled = serializers.BooleanField(default=True)


class OddSerializer(serializers.Serializer[Any]):
    about = serializers.CharField(source="kind")
    words = serializers.CharField()
    first_at = serializers.DateTimeField()


class StateSerializer(serializers.Serializer[State]):
    """How far we are with one Safe."""

    place = serializers.CharField(help_text="host of the service; empty where the chain has none")
    sharing = serializers.ChoiceField(choices=Sharing.choices, source="exchange.sharing")
    tried_at = serializers.DateTimeField(source="exchange.tried_at", allow_null=True)
    done_at = serializers.DateTimeField(source="exchange.done_at", allow_null=True)
    failing_since = serializers.DateTimeField(source="exchange.failing_since", allow_null=True)
    problem = serializers.CharField(source="exchange.problem")
    unsigned = serializers.IntegerField(
        source="exchange.unsigned", help_text="entries there without a present owner's signature; not taken in"
    )
    odd = OddSerializer(many=True, help_text="the last that it said and that was not taken")
    odd_count = serializers.IntegerField()


class SharingSerializer(StrictSerializer):
    sharing = serializers.ChoiceField(choices=Sharing.choices)


class SafeServiceViewSet(
    IdempotentCreateMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[SafeService],
):
    """Which Safe Transaction Service each chain has."""

    queryset = SafeService.objects.select_related("chain")
    serializer_class = SafeServiceSerializer
    lookup_value_converter = "int"

    def get_permissions(self) -> list[Any]:
        return [ReadScoped() if self.action in ("list", "retrieve") else Admin()]

    @extend_schema(request=SetServiceSerializer, responses={201: SafeServiceSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Set a chain's service, or another address or key for it."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        asked = SetServiceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        chain = Chain.objects.filter(chain_id=data.pop("chain_id")).first()
        if chain is None:
            raise Invalid("chain_id", "This chain is not set up here.", "a chain that is")
        service = services.set_service(chain=chain, actor=actor_of(request), **data)
        return Response(SafeServiceSerializer(service).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Nothing more goes either way; what was taken in stays."""
        services.remove_service(service=self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
