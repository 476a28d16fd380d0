"""Who may do what, when that changes."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, Logs, MonitorType, Verdict
from incidents.watch.fields import ADDRESS, Lines, address_in
from integrations.chain.abi import event_topic
from integrations.chain.hashing import keccak
from integrations.families import Config as Base

GRANTED = event_topic("RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)")
REVOKED = event_topic("RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender)")
MOVED = event_topic("RoleAdminChanged(bytes32 indexed role, bytes32 indexed previous, bytes32 indexed next)")
ADMIN = "DEFAULT_ADMIN_ROLE"


@MONITORS.register("role_changed")
class RoleChanged(MonitorType):
    """A role of an AccessControl contract was granted or taken away, and not put back since.

    It clears when the change is undone, or when somebody writes into the config that it is accepted.
    """

    label = "Role changed"
    fault = "role-grant"
    icon = "key"
    severity = "SEV1"

    class Config(Base):
        contract: str = Field(pattern=ADDRESS, description="the contract that has the roles")
        name: str = Field(min_length=1, max_length=60, description="what it is, such as HelixVault")
        roles: Lines = Field(
            default=(), description="names of its roles, such as GUARDIAN_ROLE, to call them by; a line each"
        )
        accepted: Lines = Field(
            default=(), description="changes that are all right, as the alert spells them; a line each"
        )

    @classmethod
    def key(cls, config: Any) -> str:
        return f"role_changed:{config.contract.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Logs]:
        return [Logs(config.contract, ((GRANTED, REVOKED, MOVED),))]

    @classmethod
    def window(cls, config: Any) -> int:
        return 1  # only where it stood last

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        if answers[0] is None:
            return Blind(f"the events of {config.name} cannot be read")
        last = at.past.last
        open_ = dict(last.values["open"]) if last else {}
        names = {keccak(name.encode()): name for name in config.roles} | {bytes(32): ADMIN}
        for log in answers[0]:
            topics = [bytes(topic) for topic in log.topics]
            role = names.get(topics[1], "0x" + topics[1].hex())
            if "0x" + topics[0].hex() == MOVED:
                open_[f"{role} admin"] = "moved"
                continue
            what, done = (
                f"{role} {address_in(topics[2])}",
                "granted" if "0x" + topics[0].hex() == GRANTED else "revoked",
            )
            if open_.get(what, done) != done:
                del open_[what]  # given and taken away again: as it was
            else:
                open_[what] = done
        keep = {"open": open_}
        changes = [f"{done} {what}" for what, done in open_.items() if f"{done} {what}" not in config.accepted]
        reading = {"changes": changes[:20]}
        if changes:
            more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
            return Breach(f"{config.name}: {changes[0]}{more}", reading, keep=keep)
        return Calm(reading, keep=keep)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"nobody gains or loses a role of {config.name}"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"vault": config.contract}
