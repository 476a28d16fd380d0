"""`/api/v1/rehearsals/`: what plans would do, tried on forks."""

import django_filters
from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from accounts.api.filters import IdFilter
from accounts.permissions import ReadScoped
from runbooks.rehearsals.models import Rehearsal
from runbooks.rehearsals.selectors import visible_rehearsals, why_old


class RehearsalLineSerializer(serializers.ModelSerializer[Rehearsal]):
    """Without its report, which may be long. `old`: why it no longer speaks of the chain as it is, or empty."""

    plan_hash = serializers.CharField(source="plan.sha256", read_only=True)
    old = serializers.SerializerMethodField()

    class Meta:
        model = Rehearsal
        fields = [
            "id",
            "run",
            "plan",
            "plan_hash",
            "status",
            "reason",
            "blocks",
            "old",
            "sha256",
            "taken_by",
            "created_at",
            "started_at",
            "ended_at",
        ]
        read_only_fields = fields

    def get_old(self, rehearsal: Rehearsal) -> str:
        return why_old(rehearsal)


class RehearsalSerializer(RehearsalLineSerializer):
    """`report` grows while it runs; `sha256` is of the finished report's canonical bytes."""

    class Meta(RehearsalLineSerializer.Meta):
        fields = [*RehearsalLineSerializer.Meta.fields, "report"]
        read_only_fields = fields


class RehearsalFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.ChoiceFilter(choices=Rehearsal.State.choices)
    run = IdFilter()
    plan = IdFilter()


class RehearsalViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Rehearsal]):
    """Rehearsals that the caller may see, the newest first."""

    queryset = Rehearsal.objects.none()
    serializer_class = RehearsalSerializer
    filterset_class = RehearsalFilter
    lookup_value_converter = "int"
    permission_classes = [ReadScoped]

    def get_serializer_class(self) -> type[RehearsalLineSerializer]:
        return RehearsalLineSerializer if self.action == "list" else RehearsalSerializer

    def get_queryset(self) -> "QuerySet[Rehearsal]":
        return visible_rehearsals(self.request.user)
