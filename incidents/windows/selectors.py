"""Which window mutes an alert."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from incidents.windows.models import Window
from ledger.statements import Shape, say

if TYPE_CHECKING:
    from incidents.alerts.models import Alert

ROW = Shape(Window)
OPEN = f"""
SELECT {ROW.columns("w")} FROM incidents_window w WHERE w.ended_at IS NULL
AND w.starts_at <= statement_timestamp() AND w.ends_at > statement_timestamp()
AND (w.protocol_id IS NULL OR w.protocol_id = %(protocol)s::bigint) ORDER BY w.id
"""  # noqa: S608


def window_of(alert: "Alert") -> Window | None:
    """The open window that expects it. One for a protocol and a pattern expects what fits both."""
    found = say(OPEN, {"protocol": alert.protocol_id})
    return next((one for row in found if _expects(one := ROW.build(iter(row)), alert)), None)


def _expects(window: Window, alert: "Alert") -> bool:
    if alert.severity == "SEV1" and not window.grave:
        return False
    return not window.pattern or fnmatchcase(alert.key, window.pattern)
