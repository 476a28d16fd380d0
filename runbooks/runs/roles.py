"""Whose a step is: the level that its playbook names, or above."""

from accounts.selectors import user_for_actor
from ledger import Refused
from runbooks.runs.models import StepRun

LEVELS = {"signers": "responder"}  # owners of a Safe act in their wallets; here they are who answers


def level_of(role: str) -> str:
    return LEVELS.get(role, role)


def must_reach(step: StepRun, actor: str) -> None:
    """People and their programs must have the step's level; what the house does by itself has none."""
    if actor.partition(":")[0] not in ("user", "token"):
        return
    wanted = level_of(str(step.rules.get("role", "commander")))
    who = user_for_actor(actor)
    if who is None or not who.has_level(wanted):
        raise Refused(f"This step is for somebody who is {wanted} or above.", "ask one of them", "wrong-role")
