"""Where workers kill themselves: the named points (`work.faults`) that the campaign's runs and Safes pass."""

POINTS = (
    "work.claimed",  # a row is claimed, nothing is done
    "work.settling",  # it is done, before the commit that says so
    "work.swept",  # due rows are marked, nobody is told
    "step.begun",  # a step runs
    "step.acted",  # its effect is there, before the commit that says so
    "tx.reserved",  # a nonce is given
    "tx.signed",  # bytes exist in memory only
    "tx.stored",  # bytes are stored, nobody has them
    "tx.broadcast",  # the endpoint has them, nothing says so
    "tx.receipt",  # the receipt is seen
    "tx.done",  # it is final and said so
    "delivery.accepted",  # the mail server has it, nothing says so
    "send.submitted",  # a send step's transaction is queued
    "http.sending",  # that a request leaves is written, it has not left
    "http.answered",  # its answer is there, nothing says so
    "http.noted",  # its answer is written, the step is not done
)
OF_SAFES = (
    "execute.checked",  # a proposal may be executed, nothing is handed over
    "execute.handed",  # its transaction is queued with its new status
    "execute.stopping",  # it may not, nothing says so
    "execute.stopped",  # it is said, the work is not done
    "outcome.read",  # what the Safe and the trace say is known
    "outcome.settled",  # and written down
)
