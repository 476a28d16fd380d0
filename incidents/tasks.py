"""What Celery calls: thin. A lost message costs ten minutes; the next comes by itself."""

from celery import shared_task
from django.db import transaction

from incidents.anchors.services import ask_daily
from incidents.inbound.payloads import forget
from incidents.status import publishing


@shared_task(name="incidents.anchor.daily", ignore_result=True)
def anchor_daily() -> None:
    ask_daily()


@shared_task(name="incidents.inbound.forget", ignore_result=True)
def forget_payloads() -> None:
    forget()


@shared_task(name="incidents.status", ignore_result=True)
def confirm_status() -> None:
    """The published page says that it still holds, or is mended."""
    with transaction.atomic():
        publishing.ask()
