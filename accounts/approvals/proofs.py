"""What a yes must come with: the EIP-712 message that a wallet signs, and whether a stored proof still holds."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data

from accounts.approvals.models import Approval, Decision, Needs, Verdict
from accounts.models import Wallet
from ledger import Invalid

SIGNATURE = re.compile(r"^0x[0-9a-fA-F]{130}$")


@dataclass(frozen=True)
class WalletSignature:
    """What the browser hands in beside the signature: the chain and the deadline that were part of the message."""

    signature: str
    chain_id: int
    deadline: int


@dataclass(frozen=True)
class Proof:
    """What is stored with a decision."""

    wallet: str = ""
    signature: str = ""
    chain_id: int | None = None
    deadline: int | None = None
    passkey_at: datetime | None = None


def typed_data(approval: Approval, *, verdict: str, chain_id: int, deadline: int) -> dict[str, Any]:
    """What the wallet shows and signs. The subject's hash is in it, so it is worth nothing for anything else."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
            ],
            "Approve": [
                {"name": "approval", "type": "uint256"},
                {"name": "subject", "type": "string"},
                {"name": "subjectHash", "type": "bytes32"},
                {"name": "title", "type": "string"},
                {"name": "decision", "type": "string"},
                {"name": "deadline", "type": "uint256"},
            ],
        },
        "primaryType": "Approve",
        "domain": {"name": "Breakglass", "version": "1", "chainId": chain_id},
        "message": {
            "approval": approval.pk,
            "subject": approval.about,
            "subjectHash": approval.subject_hash,
            "title": approval.title,
            "decision": "approve" if verdict == Verdict.GIVEN else "refuse",
            "deadline": deadline,
        },
    }


def recover(approval: Approval, *, verdict: str, signed: WalletSignature) -> str:
    """The address whose key signed exactly this, or a clear error."""
    if not SIGNATURE.match(signed.signature):
        raise Invalid(
            "signature",
            "is not the 65 bytes of an externally owned account's signature",
            "0x and 130 hex digits; contract wallets cannot approve here",
        )
    message = encode_typed_data(
        full_message=typed_data(approval, verdict=verdict, chain_id=signed.chain_id, deadline=signed.deadline)
    )
    try:
        return str(Account.recover_message(message, signature=signed.signature))
    except Exception as exc:  # eth-keys raises several unrelated types for bytes that are no curve point
        raise Invalid("signature", "recovers no address", "sign again") from exc


def holds(approval: Approval, decision: Decision) -> bool:
    """Whether the proof that was accepted is still good: recovered again, and the wallet still that person's."""
    if approval.needs == Needs.PASSKEY:
        return decision.passkey_at is not None
    if approval.needs != Needs.WALLET:
        return True
    if decision.chain_id is None or decision.deadline is None:
        return False
    signed = WalletSignature(decision.signature, decision.chain_id, decision.deadline)
    try:
        address = recover(approval, verdict=decision.verdict, signed=signed)
    except Invalid:
        return False
    return address == decision.wallet and Wallet.objects.filter(user_id=decision.user_id, address=address).exists()
