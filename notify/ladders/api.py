"""`/api/v1/ladders/`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped
from accounts.selectors import actor_of
from notify.ladders import services
from notify.ladders.gaps import gaps_of
from notify.ladders.models import Ladder
from notify.ladders.steps import DAY


class LadderStepSerializer(StrictSerializer):
    after = serializers.IntegerField(min_value=0, max_value=DAY, default=0, help_text="seconds to wait before it")
    targets = serializers.ListField(
        child=serializers.CharField(max_length=160),
        min_length=1,
        max_length=20,
        help_text="`person:ana`, `rotation:primary`, `audience:commanders`, `role:responder`",
    )


class LadderSerializer(serializers.ModelSerializer[Ladder]):
    steps = LadderStepSerializer(many=True, source="climbing.steps", read_only=True)
    repeats = serializers.IntegerField(source="climbing.repeats", read_only=True)
    pause = serializers.IntegerField(source="climbing.pause", read_only=True)
    lapse = serializers.IntegerField(source="climbing.lapse", read_only=True)
    gaps = serializers.SerializerMethodField(help_text="what would go wrong")

    class Meta:
        model = Ladder
        fields = ["id", "slug", "name", "steps", "repeats", "pause", "lapse", "changed_at", "gaps"]

    def get_gaps(self, ladder: Ladder) -> list[str]:
        return [gap.what for gap in gaps_of(ladder)]


class NewLadderSerializer(StrictSerializer):
    """A ladder; with a slug that is there already, that one is changed. Pages that climb keep the one they began with.

    After the last step and `pause` seconds it is gone through again, `repeats` times; then an alarm says that nobody
    answers, and everybody on it is told until somebody does. `lapse`: seconds without anything done after which an
    acknowledgement counts no more (0: never).
    """

    slug = serializers.SlugField(max_length=63)
    name = serializers.CharField(max_length=80)
    steps = LadderStepSerializer(many=True)
    repeats = serializers.IntegerField(min_value=0, max_value=20, default=2)
    pause = serializers.IntegerField(min_value=5, max_value=DAY, default=300)
    lapse = serializers.IntegerField(min_value=0, max_value=DAY, default=1800)


class LadderViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Ladder]
):
    """How pages climb. A new incident takes the ladder called as its protocol, else `incidents`."""

    queryset = Ladder.objects.all()
    serializer_class = LadderSerializer
    lookup_field = "slug"
    lookup_value_converter = "slug"

    def get_permissions(self) -> list[Any]:
        return [Commander() if self.action in ("create", "destroy") else ReadScoped()]

    @extend_schema(request=NewLadderSerializer, responses={201: LadderSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Set up a ladder, or change one."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        asked = NewLadderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        climb = dict(asked.validated_data)
        slug, name = climb.pop("slug"), climb.pop("name")
        saved = services.save_ladder(slug=slug, name=name, climb=climb, actor=actor_of(request))
        return Response(LadderSerializer(saved).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, slug: str) -> Response:
        """Pages that climb keep it; new ones ask everybody who may lead."""
        services.remove_ladder(ladder=self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
