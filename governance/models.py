"""All of governance's tables, one module a noun."""

from governance.plans.models import Plan, PlanValue
from governance.proposals.models import Confirmation, Proposal
from governance.protocols.models import Contract, FailureMode, Power, Protocol
from governance.safes.models import Safe
from governance.txservice.models import Delegate, Submission

__all__ = [
    "Confirmation",
    "Contract",
    "Delegate",
    "FailureMode",
    "Plan",
    "PlanValue",
    "Power",
    "Proposal",
    "Protocol",
    "Safe",
    "Submission",
]
