"""What workers do for this room."""

from runbooks.rehearsals import services, taking
from runbooks.runs import engine
from work import Backoff, Lease, Outcome, handler

PATIENCE = Backoff(base=1, cap=30)


@handler(engine.KIND, lease=3, longest=120, max_attempts=30, backoff=PATIENCE, on_end=engine.step_gave_up)
def run_step(lease: Lease) -> Outcome:
    return engine.run_step(lease)


@handler(services.KIND, lease=5, longest=200, max_attempts=5, backoff=PATIENCE, on_end=taking.gave_up)
def rehearse(lease: Lease) -> Outcome:
    return taking.take(lease)
