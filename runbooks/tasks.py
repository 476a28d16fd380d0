"""What Celery calls: thin. A lost message costs one look; the next comes by itself."""

from celery import shared_task

from runbooks.rehearsals.services import refresh


@shared_task(name="runbooks.rehearsals", ignore_result=True)
def rehearsals() -> None:
    """What the chains have left behind is rehearsed anew."""
    refresh()
