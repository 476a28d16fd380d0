"""`API` lists this room's resources."""

from governance.exchange.api import SafeServiceViewSet
from governance.plans.api import PlanViewSet
from governance.proposals.api import ProposalViewSet
from governance.protocols.api import (
    AllowedViewSet,
    ContractViewSet,
    FailureModeViewSet,
    PowerViewSet,
    ProtocolViewSet,
)
from governance.safes.api import SafeViewSet

API = [
    ("protocols", ProtocolViewSet, "protocol"),
    ("contracts", ContractViewSet, "contract"),
    ("powers", PowerViewSet, "power"),
    ("allowed", AllowedViewSet, "allowed"),
    ("failure-modes", FailureModeViewSet, "failure-mode"),
    ("safes", SafeViewSet, "safe"),
    ("safe-services", SafeServiceViewSet, "safe-service"),
    ("plans", PlanViewSet, "plan"),
    ("proposals", ProposalViewSet, "proposal"),
]
