"""What Celery calls: thin, by id."""

from celery import shared_task

from work import runner, services


@shared_task(name="work.run", ignore_result=True)
def run(work_id: int) -> None:
    runner.run(work_id)


@shared_task(name="work.sweep", ignore_result=True)
def sweep() -> None:
    services.sweep()
