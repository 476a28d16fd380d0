"""What Celery calls: thin. A lost message costs one look; the next comes by itself."""

from celery import shared_task

from notify import watching


@shared_task(name="notify.watch", ignore_result=True)
def watch() -> None:
    """Whatever is late is an alarm."""
    watching.look()


@shared_task(name="notify.heartbeat", ignore_result=True)
def heartbeat() -> None:
    """Somebody outside hears that all is well; silence calls a person."""
    watching.heartbeat()
