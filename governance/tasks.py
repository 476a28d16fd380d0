"""What Celery calls: thin. A lost message costs one look; the next comes by itself."""

from celery import shared_task

from governance.exchange.exchanging import ensure_all


@shared_task(name="governance.exchange", ignore_result=True)
def exchange() -> None:
    """Every Safe whose chain has a service is exchanged."""
    ensure_all()
