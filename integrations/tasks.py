"""What Celery calls: thin. A lost message costs one look; the next comes by itself."""

from celery import shared_task

from integrations.chain.client import client_for
from integrations.chain.endpoints import look_at_endpoints
from integrations.chain.executors import look_at
from integrations.chain.models import Chain


@shared_task(name="chain.look", ignore_result=True)
def look() -> None:
    """How the endpoints do and what the executors hold; what is new about them is an event, and maybe an alarm."""
    for chain in Chain.objects.all():
        look_at_endpoints(chain)
        look_at(client_for(chain), chain.executors.filter(enabled=True).select_related("chain"))
