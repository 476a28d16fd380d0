"""The database's clock: times of pages are compared with each other, whichever process writes them."""

from datetime import datetime

from ledger.statements import say


def now() -> datetime:
    moment: datetime = say("SELECT statement_timestamp()", ())[0][0]
    return moment
