"""`/api/v1/safes/`: registered Safes as they were last read from their chain."""

from rest_framework import serializers, viewsets

from accounts.permissions import ReadScoped
from governance.safes.models import Safe
from governance.safes.selectors import all_safes


class SafeSerializer(serializers.ModelSerializer[Safe]):
    chain_id = serializers.IntegerField(source="chain.chain_id", read_only=True)
    protocol = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]  # of DRF
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


class SafeViewSet(viewsets.ReadOnlyModelViewSet[Safe]):
    """Registered Safes."""

    permission_classes = [ReadScoped]
    serializer_class = SafeSerializer
    lookup_value_converter = "int"
    queryset = all_safes()
