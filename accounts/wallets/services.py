"""Linking and unlinking wallets."""

from django.db import IntegrityError, transaction

from accounts.models import User, Wallet
from accounts.wallets.signin import checksummed
from ledger import Invalid, Refused, record


def link_wallet(*, user: User, address: str, label: str = "", actor: str) -> Wallet:
    """Remember that this person proved to hold the address. The proof (`signin.verify`) came before."""
    address = checksummed(address)
    mine = Wallet.objects.filter(user=user, address=address).first()
    if mine:
        return mine
    try:
        with transaction.atomic():
            wallet = Wallet.objects.create(user=user, address=address, label=label[:60])
            record("wallet.linked", actor=actor, subject=user.actor, after={"address": address})
    except IntegrityError:
        raise Refused(
            "this wallet is linked to another account", "unlink it there first: one wallet, one person", "wallet-taken"
        ) from None
    return wallet


@transaction.atomic
def unlink_wallet(*, user: User, wallet_id: int, actor: str) -> None:
    """The wallet signs for nobody from now on; approvals that it signed no longer count."""
    wallet = Wallet.objects.filter(pk=wallet_id, user=user).first()
    if wallet is None:
        raise Invalid("wallet", "is not one of yours")
    wallet.delete()
    record("wallet.unlinked", actor=actor, subject=user.actor, before={"address": wallet.address})
