"""`/api/v1/protocols|contracts|allowed|powers|failure-modes/`: what is protected; an admin sets up the first three."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Admin, ReadScoped
from accounts.selectors import actor_of
from governance.protocols import registering, services
from governance.protocols.models import Allowed, Contract, FailureMode, Power, Protocol
from integrations.chain.models import Chain
from ledger import Invalid


class ProtocolSerializer(serializers.ModelSerializer[Protocol]):
    class Meta:
        model = Protocol
        fields = ["id", "slug", "name", "description", "created_at"]


class ContractSerializer(serializers.ModelSerializer[Contract]):
    protocol = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]  # of DRF
    chain_id = serializers.IntegerField(source="chain.chain_id", read_only=True)
    abi = serializers.JSONField(help_text="the ABI by which calls are put into words; pinned, never fetched")

    class Meta:
        model = Contract
        fields = ["id", "protocol", "chain_id", "address", "name", "role", "abi", "code_hash", "created_at"]


class PowerSerializer(serializers.ModelSerializer[Power]):
    protocol = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]  # of DRF

    class Meta:
        model = Power
        fields = ["id", "protocol", "contract", "slug", "title", "function", "holder", "expires_at", "proved_at"]


class AllowedSerializer(serializers.ModelSerializer[Allowed]):
    protocol = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]  # of DRF
    chain_id = serializers.IntegerField(source="chain.chain_id", read_only=True)
    function = serializers.CharField(read_only=True, help_text="its signature; empty: value and tokens may go there")

    class Meta:
        model = Allowed
        fields = ["id", "protocol", "chain_id", "address", "function", "label", "created_by", "created_at"]


class FailureModeSerializer(serializers.ModelSerializer[FailureMode]):
    protocol = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]  # of DRF
    covered = serializers.BooleanField(read_only=True, help_text="something sees it, and something answers it")

    class Meta:
        model = FailureMode
        fields = [
            "id",
            "protocol",
            "slug",
            "title",
            "category",
            "likelihood",
            "impact",
            "monitor",
            "playbook",
            "power",
            "covered",
        ]


class OfProtocol(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    protocol = django_filters.CharFilter(field_name="protocol__slug")


class AddProtocolSerializer(StrictSerializer):
    slug = serializers.CharField(max_length=60, help_text="small letters, digits and hyphens; it never changes")
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, allow_blank=True, max_length=5_000, default="")


class WhereSerializer(StrictSerializer):
    """A place of a protocol on a chain."""

    protocol = serializers.SlugField(help_text="the slug of a protocol")
    chain_id = serializers.IntegerField(min_value=1)
    address = serializers.CharField(max_length=60, help_text="with its checksum")

    def found(self) -> dict[str, Any]:
        """What was given, with the rows that it names."""
        data = dict(self.validated_data)
        data["protocol"] = Protocol.objects.filter(slug=data["protocol"]).first()
        if data["protocol"] is None:
            raise Invalid("protocol", "There is no protocol of this name.", "one of /api/v1/protocols/")
        data["chain"] = Chain.objects.filter(chain_id=data.pop("chain_id")).first()
        if data["chain"] is None:
            raise Invalid("chain_id", "This chain is not set up here.", "a chain that is")
        return data


class RegisterContractSerializer(WhereSerializer):
    name = serializers.CharField(max_length=80, help_text="how signers see it")
    role = serializers.ChoiceField(choices=Contract.Role.choices)
    abi = serializers.JSONField(help_text="the ABI, or a compiler's artifact that holds it; pinned")


class ChangeContractSerializer(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    role = serializers.ChoiceField(choices=Contract.Role.choices, required=False)
    abi = serializers.JSONField(required=False)
    pin_code = serializers.BooleanField(
        default=False, help_text="take the code that stands there now for the right one; other code blocks signing"
    )


class AllowSerializer(WhereSerializer):
    function = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=300,
        default="",
        help_text="of the pinned ABI, by name, signature or selector; elsewhere a signature. Empty: it may receive",
    )
    label = serializers.CharField(  # type: ignore[assignment]  # DRF has a `label` too
        required=False, allow_blank=True, max_length=80, default="", help_text="left out: the contract's name"
    )


class Registered(IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Read by everybody, set up by an admin: what a signer is told, and what is blocked, follows from it."""

    lookup_value_converter = "int"
    action: str

    def get_permissions(self) -> list[Any]:
        return [ReadScoped() if self.action in ("list", "retrieve") else Admin()]

    def made(self, request: Request, row: Any) -> Response:
        body = self.get_serializer(row).data  # type: ignore[attr-defined]  # of the viewset it is mixed into
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": f"{request.path}{row.pk}/"})


def checked(given: StrictSerializer) -> Any:
    given.is_valid(raise_exception=True)
    return given


class ProtocolViewSet(Registered, viewsets.GenericViewSet[Protocol]):
    """Protected systems."""

    serializer_class = ProtocolSerializer
    queryset = Protocol.objects.all()

    @extend_schema(request=AddProtocolSerializer, responses={201: ProtocolSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a system to protect."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        given = checked(AddProtocolSerializer(data=request.data)).validated_data
        return self.made(request, registering.add_protocol(actor=actor_of(request), **given))


class ContractViewSet(Registered, viewsets.GenericViewSet[Contract]):
    """Registered contracts with their pinned ABIs."""

    serializer_class = ContractSerializer
    filterset_class = OfProtocol
    idempotent_in_transaction = False  # the chain is read first
    queryset = Contract.objects.select_related("protocol", "chain")

    @extend_schema(request=RegisterContractSerializer, responses={201: ContractSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Register a contract: its ABI is pinned, and the code that stands there now."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        given = checked(RegisterContractSerializer(data=request.data)).found()
        return self.made(request, registering.register_contract(actor=actor_of(request), **given))

    @extend_schema(request=ChangeContractSerializer, responses=ContractSerializer)
    def partial_update(self, request: Request, pk: int) -> Response:
        """Another name, role or ABI, or the present code pinned anew."""
        given = checked(ChangeContractSerializer(data=request.data)).validated_data
        row = registering.change_contract(contract=self.get_object(), actor=actor_of(request), **given)
        return Response(self.get_serializer(row).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """It is a stranger again. Refused while powers are held over it."""
        registering.remove_contract(contract=self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PowerViewSet(viewsets.ReadOnlyModelViewSet[Power]):
    """Privileged functions and who holds them."""

    permission_classes = [ReadScoped]
    serializer_class = PowerSerializer
    filterset_class = OfProtocol
    lookup_value_converter = "int"
    queryset = Power.objects.select_related("protocol")


class AllowedViewSet(Registered, viewsets.GenericViewSet[Allowed]):
    """The allow-lists: what a protocol's Safes may call, and who may receive."""

    serializer_class = AllowedSerializer
    filterset_class = OfProtocol
    queryset = Allowed.objects.select_related("protocol", "chain")

    @extend_schema(request=AllowSerializer, responses={201: AllowedSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put one line on a protocol's allow-list; it counts at once, for every Safe of the protocol on that chain."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        given = checked(AllowSerializer(data=request.data)).found()
        made = services.allow(actor=actor_of(request), functions=(given.pop("function"),), **given)
        if not made:
            raise Invalid("function", "This is on the list already.", "another function, or another address")
        return self.made(request, made[0])

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Take a line off the list: what it allowed is blocked from now on, also where it was proposed already."""
        services.disallow(allowed=self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class FailureModeViewSet(viewsets.ReadOnlyModelViewSet[FailureMode]):
    """The risk register."""

    permission_classes = [ReadScoped]
    serializer_class = FailureModeSerializer
    filterset_class = OfProtocol
    lookup_value_converter = "int"
    queryset = FailureMode.objects.select_related("protocol")
