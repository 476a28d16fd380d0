"""More happens than anybody looks at."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("too_many_effects")
class TooManyEffects(Finding):
    """The simulation did more than is kept, so what it did last was judged by nobody."""

    label = "Too much at once"

    def check(self, facts: Facts) -> Iterable[Found]:
        for effect in facts.effects:
            if effect.kind == "cut":
                yield Found("blocking", f"Simulated, {effect.what} more things happen than are looked at here.")
