"""All of governance's tables, one module a noun."""

from governance.exchange.models import Exchange, Given, Oddity, SafeService
from governance.plans.models import Plan, PlanValue
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal, Sight
from governance.protocols.models import Allowed, Contract, FailureMode, Power, Protocol
from governance.safes.models import Safe
from governance.txservice.models import Delegate, Submission
from governance.waivers.models import Waiver

__all__ = [
    "Allowed",
    "Confirmation",
    "Contract",
    "Delegate",
    "Exchange",
    "FailureMode",
    "Given",
    "NestedConfirmation",
    "Oddity",
    "Plan",
    "PlanValue",
    "Power",
    "Proposal",
    "Protocol",
    "Safe",
    "SafeService",
    "Sight",
    "Submission",
    "Waiver",
]
