"""Which window mutes an alert."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from incidents.windows.models import Window

if TYPE_CHECKING:
    from incidents.alerts.models import Alert


def window_of(alert: "Alert") -> Window | None:
    """The open window that expects it. One for a protocol and a pattern expects what fits both."""
    now = timezone.now()
    theirs = Q(protocol__isnull=True) | Q(protocol_id=alert.protocol_id)
    found = Window.objects.filter(theirs, ended_at=None, starts_at__lte=now, ends_at__gt=now).order_by("pk")
    return next((one for one in found if _expects(one, alert)), None)


def _expects(window: Window, alert: "Alert") -> bool:
    if alert.severity == "SEV1" and not window.grave:
        return False
    return not window.pattern or fnmatchcase(alert.key, window.pattern)
