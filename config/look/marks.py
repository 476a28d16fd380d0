"""How a status or a severity looks: a shape, a tone and a word, so that colour is never the only sign."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """`icon` is a symbol of static/img/icons.svg, `tone` a class of static/css/components/marks.css."""

    text: str
    icon: str
    tone: str


_SHAPES: dict[tuple[str, str], str] = {
    # not begun or not our concern any more: an empty ring, a dash
    ("ring", "quiet"): "draft pending queued reserved requested planned disabled asked",
    ("dash", "quiet"): "skipped undone rolled_back cancelled superseded declined withdrawn revoked expired off muted "
    "merged lapsed void left",
    # under way: a filling ring, an hourglass where somebody else must act
    (
        "run",
        "active",
    ): "running rolling_back finishing executing sending signing broadcast active triage opened armed rehearsing live",
    (
        "wait",
        "wait",
    ): "open waiting awaiting_approval paused mined signed retry acked late degraded stale lagging "
    "at_risk needs_review maintenance investigating overdue",
    # good: a tick; a filled tick where nothing can undo it
    (
        "check",
        "good",
    ): "done ok ready sent approved given accepted satisfied contained cleared delivered verified calm up passed "
    "operational saved kept confirmed",
    ("seal", "good"): "executed final restored closed succeeded resolved",
    # bad: a cross; a bell where it is burning
    ("cross", "bad"): "failed dead rejected refused dropped aborted lost error down blocked mismatch impacted",
    ("alarm", "bad"): "alarm firing raised burning disturbed climbing",
    # nobody can say: neither good nor bad, stands out from both
    ("unknown", "unknown"): "unknown reorged disputed",
}
STATUSES: dict[str, Mark] = {
    name: Mark(name.replace("_", " "), icon, tone) for (icon, tone), names in _SHAPES.items() for name in names.split()
}
SEVERITIES: dict[str, Mark] = {
    "SEV1": Mark("SEV1", "sev1", "sev1"),
    "SEV2": Mark("SEV2", "sev2", "sev2"),
    "SEV3": Mark("SEV3", "sev3", "sev3"),
    "SEV4": Mark("SEV4", "sev4", "sev4"),
}


def status_mark(status: str) -> Mark:
    """The mark of a status; a status nobody named yet is quiet, not an error."""
    return STATUSES.get(status.lower()) or Mark(status.replace("_", " "), "ring", "quiet")


def severity_mark(severity: str) -> Mark:
    """The mark of `SEV1`…`SEV4`, also written `sev1` or `1`."""
    name = severity.upper()
    name = name if name.startswith("SEV") else f"SEV{name}"
    return SEVERITIES.get(name) or Mark(severity, "sev4", "sev4")
