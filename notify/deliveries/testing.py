"""A test-fire: one message to one destination, through the outbox as any other: its tries are kept and shown."""

from uuid import uuid4

from django.db import transaction

from notify.audiences.models import Destination
from notify.audiences.selectors import Recipient
from notify.messages.models import TEST, Message
from notify.messages.services import begin_for, compose


@transaction.atomic
def send_test(*, destination: Destination, actor: str) -> Message:
    """Also to one that is switched off: that is how somebody finds out whether it can be switched on again. Nobody
    approves it: its words are always the same, and say that nothing happened."""
    subject, body = compose(TEST, {"destination": destination})
    address = str(destination.address())
    recipient = Recipient(destination.channel, address, destination.sealed, destination, destination.user)
    return begin_for([recipient], key=f"test:{uuid4()}", subject=subject, body=body, template=TEST, actor=actor)
