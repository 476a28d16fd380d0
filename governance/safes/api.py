"""`/api/v1/safes/`: registered Safes as they were last read from their chain."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Admin, Commander, ReadScoped
from accounts.selectors import actor_of
from governance.exchange.api import SharingSerializer, StateSerializer
from governance.exchange.selectors import state_of
from governance.exchange.services import set_sharing
from governance.proposals.queue import queue_of
from governance.protocols.models import Protocol
from governance.safes.models import Safe
from governance.safes.selectors import all_safes
from governance.safes.services import assign, register, register_owners
from integrations.chain.models import Chain
from ledger import Invalid


class SafeSerializer(serializers.ModelSerializer[Safe]):
    chain_id = serializers.IntegerField(source="chain.chain_id", read_only=True)
    protocol = serializers.SlugRelatedField[Protocol](slug_field="slug", read_only=True, allow_null=True)
    nonce = serializers.CharField(help_text="decimal text")
    owners = serializers.ListField(child=serializers.CharField())
    modules = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Safe
        fields = [
            "id",
            "chain_id",
            "protocol",
            "address",
            "label",
            "version",
            "owners",
            "threshold",
            "nonce",
            "modules",
            "guard",
            "module_guard",
            "fallback_handler",
            "singleton",
            "code_hash",
            "problem",
            "read_block",
            "read_at",
        ]


class EntrySerializer(serializers.Serializer[Any]):
    """An open proposal in the queue."""

    proposal = serializers.IntegerField(source="proposal.pk")
    title = serializers.CharField(source="proposal.title")
    status = serializers.CharField(source="proposal.status")
    signed = serializers.IntegerField(help_text="by present owners")
    threshold = serializers.IntegerField()
    rivals = serializers.ListField(child=serializers.IntegerField(), help_text="dead once this one is executed")
    frees = serializers.ListField(child=serializers.IntegerField(), help_text="next once this one is executed")
    is_rejection = serializers.BooleanField()


class EndedSerializer(serializers.Serializer[Any]):
    """Ended here, at a nonce that the chain has not used."""

    proposal = serializers.IntegerField(source="proposal.pk")
    status = serializers.CharField(source="proposal.status")
    armed = serializers.BooleanField(help_text="fully signed: whoever has the signatures can still execute it")


class PlaceSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["dead", "next", "later", "gap"])
    nonce = serializers.CharField(help_text="decimal text; the first of a run of empty ones")
    last = serializers.CharField(help_text="decimal text")
    entries = EntrySerializer(many=True)
    ended = EndedSerializer(many=True)


class QueueSerializer(serializers.Serializer[Any]):
    nonce = serializers.CharField(source="safe.nonce", help_text="the chain's, decimal text")
    blocked = serializers.CharField(help_text="why nothing behind the chain's nonce moves; empty when it does")
    places = PlaceSerializer(many=True)


class RegisterSerializer(StrictSerializer):
    """Where it stands and what it is called here; everything else is read from the chain."""

    chain_id = serializers.IntegerField(min_value=1)
    address = serializers.CharField(max_length=60, help_text="of the Safe itself, with its checksum")
    label = serializers.CharField(max_length=80)  # type: ignore[assignment]  # DRF has a `label` too
    protocol = serializers.SlugField(required=False, allow_null=True, help_text="the slug of a protocol")
    owners_too = serializers.BooleanField(
        default=True, help_text="register owners that are Safes as well, so that their owners can sign here"
    )


class SafeProtocolSerializer(StrictSerializer):
    protocol = serializers.SlugField(allow_null=True, help_text="the slug of a protocol; null: none")


def _protocol(slug: str | None) -> Protocol | None:
    protocol = Protocol.objects.filter(slug=slug).first() if slug else None
    if slug and protocol is None:
        raise Invalid("protocol", "There is no protocol of this name.", "one of /api/v1/protocols/")
    return protocol


class SafeViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Safe]
):
    """Registered Safes."""

    serializer_class = SafeSerializer
    lookup_value_converter = "int"
    idempotent_in_transaction = False  # the chain is read first
    queryset = all_safes()

    def get_permissions(self) -> list[Any]:
        if self.action == "protocol" or (self.action == "exchange" and self.request.method == "POST"):
            return [Admin()]
        return [Commander() if self.action == "create" else ReadScoped()]

    @extend_schema(request=RegisterSerializer, responses={201: SafeSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Register a Safe 1.3.0, 1.4.1 or 1.5.0 by its address."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        given = RegisterSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        chain = Chain.objects.filter(chain_id=data["chain_id"]).first()
        if chain is None:
            known = ", ".join(str(one) for one in Chain.objects.order_by("chain_id").values_list("chain_id", flat=True))
            raise Invalid(
                "chain_id", "This chain is not set up here.", f"one of {known}" if known else "set it up first"
            )
        protocol, actor = _protocol(data.get("protocol")), actor_of(request)
        safe = register(chain=chain, address=data["address"], label=data["label"], protocol=protocol, actor=actor)
        if data["owners_too"]:
            register_owners(safe=safe, actor=actor)
        body = SafeSerializer(safe, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": f"{request.path}{safe.pk}/"})

    @extend_schema(responses=QueueSerializer)
    @action(detail=True, methods=["get"], serializer_class=QueueSerializer, pagination_class=None, filter_backends=[])
    def queue(self, request: Request, pk: int) -> Response:
        """What is open, by nonce: rivals, gaps, what is dead, and what executing one does to the rest."""
        return Response(QueueSerializer(queue_of(self.get_object(), request.user)).data)

    @extend_schema(request=SafeProtocolSerializer, responses={200: SafeSerializer})
    @action(detail=True, methods=["post"], filter_backends=[])
    def protocol(self, request: Request, pk: int) -> Response:
        """Say to which protocol it belongs: that one's allow-list counts for it from now on."""
        asked = SafeProtocolSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = _protocol(asked.validated_data["protocol"])
        safe = assign(safe=self.get_object(), protocol=given, actor=actor_of(request))
        return Response(self.get_serializer(safe).data)

    @extend_schema(methods=["get"], responses=StateSerializer)
    @extend_schema(methods=["post"], request=SharingSerializer, responses={200: StateSerializer})
    @action(
        detail=True,
        methods=["get", "post"],
        serializer_class=StateSerializer,
        pagination_class=None,
        filter_backends=[],
    )
    def exchange(self, request: Request, pk: int) -> Response:
        """How far we are with the chain's Safe Transaction Service; an admin says what it may be given."""
        safe = self.get_object()
        if request.method == "POST":
            asked = SharingSerializer(data=request.data)
            asked.is_valid(raise_exception=True)
            set_sharing(safe=safe, sharing=asked.validated_data["sharing"], actor=actor_of(request))
        return Response(StateSerializer(state_of(safe, request.user)).data)
