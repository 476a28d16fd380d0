"""`/api/v1/plans/`: what people approve, byte for byte."""

from typing import Any

from rest_framework import serializers, viewsets

from accounts.permissions import ReadScoped
from governance.plans.models import Plan
from governance.plans.selectors import visible_plans


class PlanSerializer(serializers.ModelSerializer[Plan]):
    document = serializers.JSONField(source="data", read_only=True, help_text="the document, parsed")
    canonical = serializers.CharField(
        source="document", read_only=True, help_text="the very text that sha256 is taken over, in UTF-8"
    )
    values = serializers.SerializerMethodField(help_text="references whose values are known by now")

    class Meta:
        model = Plan
        fields = [
            "id",
            "kind",
            "environment",
            "scope",
            "sha256",
            "document",
            "canonical",
            "values",
            "created_by",
            "created_at",
        ]

    def get_values(self, plan: Plan) -> dict[str, Any]:
        return {row.reference: row.value for row in plan.values.all()}


class PlanViewSet(viewsets.ReadOnlyModelViewSet[Plan]):
    """Plans that the caller may see."""

    permission_classes = [ReadScoped]
    serializer_class = PlanSerializer
    lookup_value_converter = "int"
    queryset = Plan.objects.none()

    def get_queryset(self) -> Any:
        return visible_plans(self.request.user).prefetch_related("values")
