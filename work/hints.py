"""Hints: a Celery message that holds an id. Losing one costs seconds, never work."""

import logging

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)
TASK = "work.run"


def on_commit(work_id: int, queue: str, delay: float = 0) -> None:
    transaction.on_commit(lambda: send(work_id, queue, delay) or None, robust=True)


def send(work_id: int, queue: str, delay: float = 0) -> bool:
    """Whether the broker took it. It is asked once and briefly: the sweeper asks again."""
    try:
        current_app.send_task(
            TASK, args=[work_id], queue=queue, countdown=delay or None, ignore_result=True, retry=False
        )
    except Exception as error:
        logger.warning("no hint sent: the broker does not answer (%s)", type(error).__name__)
        return False
    return True
