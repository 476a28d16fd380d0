"""`/api/v1/protocols|contracts|powers|failure-modes/`: what is protected, to be read."""

import django_filters
from rest_framework import serializers, viewsets

from accounts.permissions import ReadScoped
from governance.protocols.models import Allowed, Contract, FailureMode, Power, Protocol


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


class ProtocolViewSet(viewsets.ReadOnlyModelViewSet[Protocol]):
    """Protected systems."""

    permission_classes = [ReadScoped]
    serializer_class = ProtocolSerializer
    lookup_value_converter = "int"
    queryset = Protocol.objects.all()


class ContractViewSet(viewsets.ReadOnlyModelViewSet[Contract]):
    """Registered contracts with their pinned ABIs."""

    permission_classes = [ReadScoped]
    serializer_class = ContractSerializer
    filterset_class = OfProtocol
    lookup_value_converter = "int"
    queryset = Contract.objects.select_related("protocol", "chain")


class PowerViewSet(viewsets.ReadOnlyModelViewSet[Power]):
    """Privileged functions and who holds them."""

    permission_classes = [ReadScoped]
    serializer_class = PowerSerializer
    filterset_class = OfProtocol
    lookup_value_converter = "int"
    queryset = Power.objects.select_related("protocol")


class AllowedViewSet(viewsets.ReadOnlyModelViewSet[Allowed]):
    """The allow-lists: what a protocol's Safes may call, and who may receive."""

    permission_classes = [ReadScoped]
    serializer_class = AllowedSerializer
    filterset_class = OfProtocol
    lookup_value_converter = "int"
    queryset = Allowed.objects.select_related("protocol", "chain")


class FailureModeViewSet(viewsets.ReadOnlyModelViewSet[FailureMode]):
    """The risk register."""

    permission_classes = [ReadScoped]
    serializer_class = FailureModeSerializer
    filterset_class = OfProtocol
    lookup_value_converter = "int"
    queryset = FailureMode.objects.select_related("protocol")
