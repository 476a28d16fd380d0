"""What Celery calls: thin. A lost message costs ten minutes; the next comes by itself."""

from celery import shared_task

from incidents.anchors.services import ask_daily


@shared_task(name="incidents.anchor.daily", ignore_result=True)
def anchor_daily() -> None:
    ask_daily()
