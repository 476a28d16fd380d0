"""What a caller may see of a chain's transactions, filtered as the service filters."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from governance.proposals.models import Confirmation, Proposal
from governance.proposals.outcome import INNER_CALL_FAILED
from governance.safes.models import Safe
from governance.txservice.errors import Wrong
from governance.txservice.incoming import address, boolean, moment
from governance.txservice.models import Delegate
from integrations.chain.addresses import parse_hash, parse_uint
from integrations.chain.models import Chain
from ledger import Invalid
from ledger.access import VISIBLE, seeing
from ledger.models import Scope
from ledger.statements import Shape, say

HIDDEN = ("draft", "rejected")
# A program asks for one after the other: composed once, for it takes longer than the answer.
NEWEST_OF = f"""
WHERE p.chain_id = %(chain)s AND p.safe_tx_hash = %(hash)s AND p.status <> ALL(%(hidden)s)
  AND {VISIBLE.replace("$SCOPE", "p.scope_id")}
ORDER BY p.id DESC LIMIT 1
"""
PROPOSAL, SAFE, CHAIN, SCOPE = Shape(Proposal), Shape(Safe), Shape(Chain), Shape(Scope)
NEWEST = f"""
SELECT {PROPOSAL.columns("p")}, {SAFE.columns("s")}, {CHAIN.columns("n")}, {SCOPE.columns("o")}
FROM governance_proposal p JOIN governance_safe s ON s.id = p.safe_id JOIN integrations_chain n ON n.id = s.chain_id
JOIN ledger_scope o ON o.id = p.scope_id {NEWEST_OF}
"""  # noqa: S608  # columns of ours
EXECUTED = Q(status="executed") | Q(status="failed", outcome__reason=INNER_CALL_FAILED)
"""The Safe used its nonce up with it, whether its inner call succeeded or not."""
SIGNED = Max("confirmations__created_at", filter=Q(confirmations__lapsed=""))
MODIFIED = Greatest("created_at", Coalesce(SIGNED, "created_at"))
ORDERS = {"nonce": "nonce", "created": "created_at", "submission_date": "created_at", "modified": "touched"}
Filter = tuple[str, Callable[[Any], Any]]


def transactions(viewer: Any, chain_id: int) -> "QuerySet[Proposal]":
    """What was withdrawn is gone for these clients; nothing is shown that the viewer's scopes hide."""
    return Proposal.objects.visible_to(viewer).filter(chain_id=chain_id).exclude(status__in=HIDDEN)


def transaction(viewer: Any, chain_id: int, safe_tx_hash: str, *, withdrawn: bool = False) -> Proposal | None:
    """The newest with this hash, with all that it belongs to: one that failed may have been proposed again."""
    found = say(NEWEST, about) if (about := asked_for(viewer, chain_id, safe_tx_hash, withdrawn)) else []
    if not found:
        return None
    columns = iter(found[0])
    proposal = PROPOSAL.build(columns)
    proposal.safe, proposal.safe.chain, proposal.scope = SAFE.build(columns), CHAIN.build(columns), SCOPE.build(columns)
    return proposal


def asked_for(viewer: Any, chain_id: int, safe_tx_hash: str, withdrawn: bool = False) -> dict[str, Any] | None:
    """What `NEWEST_OF` needs to know; None where nothing can be found."""
    sees = seeing(viewer)
    try:
        digest = parse_hash(safe_tx_hash)
    except Invalid:
        return None
    hidden = [] if withdrawn else list(HIDDEN)
    return None if sees is None else {**sees, "chain": chain_id, "hash": digest, "hidden": hidden}


BOUNDS = ("__lt", "__gt", "__lte", "__gte")
FILTERS: dict[str, Filter] = {
    "nonce": ("nonce", parse_uint),
    **{f"nonce{bound}": (f"nonce{bound}", parse_uint) for bound in BOUNDS},
    "value": ("value", parse_uint),
    **{f"value{bound}": (f"value{bound}", parse_uint) for bound in BOUNDS},
    **{f"modified{bound}": (f"touched{bound}", moment) for bound in BOUNDS},
    **{f"submission_date{bound}": (f"created_at{bound}", moment) for bound in BOUNDS},
    **{f"execution_date{bound}": (f"transaction__mined_at{bound}", moment) for bound in BOUNDS},
    "safe_tx_hash": ("safe_tx_hash", parse_hash),
    "to": ("to", address),
    "transaction_hash": ("outcome__transaction_hash", parse_hash),
}


def filtered(rows: "QuerySet[Proposal]", asked: Mapping[str, str]) -> "QuerySet[Proposal]":
    """By the query's parameters; one that is not known is passed over, as the service does."""
    wrong: dict[str, list[str]] = {}
    order = _order(asked.get("ordering", ""))
    if order[0].strip("-") == "touched" or any(name.startswith("modified") for name in asked):
        rows = rows.annotate(touched=MODIFIED)
    for name, text in asked.items():
        if not text:
            continue
        try:
            rows = _narrowed(rows, name, text)
        except Invalid as error:
            wrong[name] = [f"{error.message} {error.hint}".strip()]
    if wrong:
        raise Wrong(wrong)
    return rows.order_by(*order)


def _narrowed(rows: "QuerySet[Proposal]", name: str, text: str) -> "QuerySet[Proposal]":
    if name in FILTERS:
        lookup, parse = FILTERS[name]
        return rows.filter(**{lookup: parse(text)})
    if name == "executed":
        return rows.filter(EXECUTED) if boolean(text) else rows.exclude(EXECUTED)
    if name == "failed":
        failed = Q(status="failed", outcome__reason=INNER_CALL_FAILED)
        return rows.filter(failed) if boolean(text) else rows.filter(status="executed")
    if name == "has_confirmations":
        signed = Exists(Confirmation.objects.filter(proposal=OuterRef("pk"), lapsed=""))
        return rows.filter(signed) if boolean(text) else rows.filter(~signed)
    if name == "trusted":
        boolean(text)  # all that is stored here was handed in by somebody known
    return rows


def _order(asked: str) -> list[str]:
    """The first that is known; what is not is passed over."""
    for name in asked.split(","):
        sign, plain = ("-", name[1:]) if name.startswith("-") else ("", name)
        if plain in ORDERS:
            return [f"{sign}{ORDERS[plain]}", f"{sign}pk"]
    return ["-nonce", "-pk"]


def owned_by(chain: Chain, owner: str) -> list[str]:
    """Addresses of the registered Safes that this is an owner of."""
    return _addresses(Safe.objects.filter(chain=chain, owners__contains=[owner]))


def with_module(chain: Chain, module: str) -> list[str]:
    return _addresses(Safe.objects.filter(chain=chain, modules__contains=[module]))


def _addresses(safes: "QuerySet[Safe]") -> list[str]:
    return list(safes.order_by("pk").values_list("address", flat=True))


def delegates(chain: Chain, asked: Mapping[str, str]) -> "QuerySet[Delegate, Any]":
    """At least one filter must be given: nobody lists all of them."""
    rows, some, wrong = Delegate.objects.filter(chain=chain), False, {}
    for name, lookup in (("safe", "safe__address"), ("delegate", "delegate"), ("delegator", "delegator")):
        if text := asked.get(name):
            some = True
            try:
                rows = rows.filter(**{lookup: address(text)})
            except Invalid as error:
                wrong[name] = [error.message]
    if label := asked.get("label"):
        some, rows = True, rows.none() if "\x00" in label else rows.filter(label=label)
    if wrong:
        raise Wrong(wrong)
    if not some:
        raise Wrong({"nonFieldErrors": ["At least one query param must be provided"]})
    return rows.order_by("pk").values("delegate", "delegator", "label", "expires_at", of=F("safe__address"))
