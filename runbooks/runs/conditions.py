"""What must hold before a step begins and after it has finished: checks, looked at where the chain is."""

from collections.abc import Iterable

from runbooks.steps import Again, Failed, Finished, Params, Result


def look_all(checks: Iterable[Params], environment: str, when: str) -> Result:
    """Finished if all hold; else the first that does not, with the words it was looked at in."""
    from runbooks.steps.check import look

    said: list[str] = []
    for params in checks:
        match look(params, environment):
            case Finished(proof=proof):
                said.append(proof)
            case Again(reason=reason):
                return Again(reason=f"{when}: {reason}")
            case Failed(reason=reason):
                return Failed(reason=f"{when}: {reason}")
            case other:
                return other
    return Finished(proof="; ".join(said))
