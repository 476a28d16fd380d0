"""What people may do, from looking to administering."""

from django.db import models


class Level(models.TextChoices):
    VIEWER = "viewer", "Viewer"
    AUDITOR = "auditor", "Auditor"
    RESPONDER = "responder", "Responder"
    COMMANDER = "commander", "Commander"
    ADMIN = "admin", "Admin"


MEANING = {
    Level.VIEWER: "reads what is not private",
    Level.AUDITOR: "reads everything, private incidents too; changes nothing",
    Level.RESPONDER: "works on incidents and runs, proposes",
    Level.COMMANDER: "leads incidents, approves what goes out and what is executed",
    Level.ADMIN: "administers people and settings",
}

# The ladder: each rung holds what is below it. The auditor stands beside it, above nobody.
LADDER = (Level.VIEWER, Level.RESPONDER, Level.COMMANDER, Level.ADMIN)


def rank(level: str) -> int:
    """The place on the ladder; whoever is not on it (the auditor) writes no more than a viewer."""
    return LADDER.index(Level(level)) if level in LADDER else 0


def highest(levels: frozenset[str]) -> Level:
    """The one level a person is shown and judged by."""
    top = max((Level(level) for level in levels if level in LADDER), key=rank, default=Level.VIEWER)
    if top is Level.VIEWER and Level.AUDITOR in levels:
        return Level.AUDITOR
    return top
