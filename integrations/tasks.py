"""What Celery calls: thin. A lost message costs one look; the next comes by itself."""

from celery import shared_task

from integrations.chain.client import client_for
from integrations.chain.endpoints import look_at_endpoints, look_at_private
from integrations.chain.executors.roles import look_at_roles
from integrations.chain.executors.watching import look_at, look_at_fees
from integrations.chain.models import Chain
from integrations.chain.selectors import watched


@shared_task(name="chain.look", ignore_result=True)
def look() -> None:
    """How the endpoints do and what the executors hold; what is new about them is an event, and maybe an alarm."""
    for chain in Chain.objects.all():
        look_at_endpoints(chain)
        look_at_private(chain)
        client = client_for(chain)
        look_at_fees(chain, client)
        executors = list(watched(chain))
        look_at(client, executors)
        look_at_roles(chain, client, executors)
