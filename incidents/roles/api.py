"""`/api/v1/incidents/{incident}/roles/`."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import StrictSerializer
from accounts.selectors import actor_of
from incidents.incidents.nested import OfIncidentViewSet, given
from incidents.incidents.people import named
from incidents.roles.models import Assignment, Role
from incidents.roles.services import assign, release


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    user = serializers.CharField(source="user.actor", read_only=True)

    class Meta:
        model = Assignment
        fields = ["id", "role", "user", "given_by", "given_at", "seen_at"]


class AssignSerializer(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices)
    user = serializers.CharField(max_length=160, help_text="`@ben`, `ben` or `user:12`")


@extend_schema_view(create=extend_schema(request=AssignSerializer, responses={201: AssignmentSerializer}))
class RoleViewSet(OfIncidentViewSet[Assignment]):
    """Who holds which role now."""

    queryset = Assignment.objects.filter(ended_at=None).select_related("user")
    serializer_class = AssignmentSerializer
    filterset_fields = ("role",)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Give a role to somebody; whoever had it hands it over."""
        data = given(AssignSerializer, request)
        incident, user = self.incident(), named(data["user"])
        made = assign(incident=incident, role=data["role"], user=user, actor=actor_of(request))
        return Response(AssignmentSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Nobody holds it any more."""
        held = self.get_object()
        release(incident=held.incident, role=held.role, actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
