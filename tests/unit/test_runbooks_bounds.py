"""Nothing that somebody can write takes long: neither to lint nor to compile, and no plan grows without bound."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from ledger.errors import Invalid
from runbooks.playbooks.lint import MOST_PROBLEMS, lint
from tests.language_world import SAFE, VAULT, compiled

SLOWEST = 1.0
HEAD = """\
playbook: hostile
title: A hostile one
summary: Wants to take long.
inputs:
  vault: {type: contract}
  guardian: {type: safe}
steps:
"""
WAIT = "wait: {duration: 1s}"


def seconds(work: Callable[[], Any]) -> float:
    """Of this process's own time, so that a busy machine does not matter."""
    started = time.process_time()
    work()
    return time.process_time() - started


def call(signature: str) -> str:
    calls = f'[{{on: "${{{{ inputs.vault }}}}", call: "{signature}"}}]'
    return f'{HEAD}  - {{id: a, safe: {{safe: "${{{{ inputs.guardian }}}}", title: abc, calls: {calls}}}}}\n'


def steps(line: str, count: int) -> str:
    return HEAD + "".join("  - " + line.replace("#", str(number)) + "\n" for number in range(count))


HOSTILE = {
    "unknown keys": HEAD + "  - {" + ", ".join(f"kez{n}: 1" for n in range(4_500)) + "}\n",
    "unknown keys everywhere": steps("{id: s#, kez: 1, wiat: {}, neds: [], titel: a}", 199),
    "empty steps": HEAD + "  - {}\n" * 5_000,
    "open templates": f'{HEAD}  - {{id: a, text: "{"${{" * 20_000}", {WAIT}}}\n',
    "many templates": steps('{id: s#, manual: {instruction: "' + "${{ inputs.vault.name }}" * 10 + '"}}', 190),
    "deep lists": HEAD + "  - " + "[" * 30_000,
    "deep mappings": HEAD + "  - " + "{a: " * 12_000,
    "long scalar": "playbook: " + "a" * 65_000,
    "many keys": "\n".join(f"k{n}: v" for n in range(6_000)),
    "everything needs everything": steps(f"{{id: s#, needs: [{', '.join(f's{n}' for n in range(25))}], {WAIT}}}", 199),
    "everything may leave out": steps("{id: s#, on_failure: last, manual: {instruction: '${{ steps.s0.done }}'}}", 190)
    + f"  - {{id: last, {WAIT}}}\n",
    "brackets": steps("{id: s#, if: '" + "(" * 200 + "1" + ")" * 200 + f"', {WAIT}}}", 100),
    "long sums": steps("{id: s#, if: 'inputs.vault.chain_id " + "+1" * 100 + f" == #', {WAIT}}}", 180),
    "powers": steps(f"{{id: s#, if: '2**250*2**250*2**9 > # and 9**9**9 > 1', {WAIT}}}", 180),
    "duration": HEAD + "  - {id: a, wait: {duration: " + "1" * 60_000 + "}}\n",
    "escapes": 'playbook: "' + "\\u0041" * 10_000 + '"',
    "brackets of a signature": call("f(" + "(" * 20_000),
    "long signature": call("f(" + "uint256," * 7_000 + "uint256)"),
    "deep arrays of a signature": call("f(uint256" + "[2]" * 8_000 + ")"),
    "blank": HEAD + " " * 60_000,
    "comment": "#" * 60_000 + "\na: b",
    "quotes": "a: " + "'" * 60_000,
    "questions": "? " * 20_000,
    "documents": "---\n" * 15_000,
    "cases": HEAD + "  - {id: a, switch: {on: 'inputs.vault.name', cases: {"
    + ", ".join(f"c{n}: [{{id: s{n}, {WAIT}}}]" for n in range(1_000)) + "}}}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_text_is_linted_within_a_second(name: str) -> None:
    text = HOSTILE[name]
    found: list[Any] = []
    assert seconds(lambda: found.append(lint(text))) < SLOWEST
    (linted,) = found
    assert linted.problems and len(linted.problems) <= MOST_PROBLEMS


def test_conditions_do_not_multiply_without_bound() -> None:
    """Four control steps around 190 steps, each default with the conditions of 20 cases."""
    names = "".join(f"{n:090d}|" for n in range(20)).split("|")[:20]
    inner = ", ".join(f"{{id: s{n}, {WAIT}}}" for n in range(45))
    for level in range(3):
        cases = ", ".join(f'"{name}": [{{id: c{level}_{n}, {WAIT}}}]' for n, name in enumerate(names))
        inner = f"{{id: l{level}, switch: {{on: inputs.vault.name, cases: {{{cases}}}, default: [{inner}]}}}}"
    text = f"{HEAD}  - {{id: a, manual: {{instruction: '${{{{ inputs.guardian.name }}}}'}}}}\n  - {inner}\n"
    plans: list[bytes] = []
    assert seconds(lambda: plans.append(compiled(text, {"vault": VAULT, "guardian": SAFE}).canonical())) < SLOWEST
    assert len(plans[0]) < 2**20


def test_texts_that_inputs_blow_up_are_refused() -> None:
    inputs = (
        "playbook: big\ntitle: A big one\nsummary: Grows and grows.\ninputs:\n  t: {type: text, max_length: 4000}\n"
    )
    text = f'{inputs}steps:\n  - {{id: a, manual: {{instruction: "{"${{ inputs.t }}" * 100}"}}}}\n'
    with pytest.raises(Invalid, match=r"beyond|longer|at most"):
        compiled(text, {"t": "x" * 4_000})


def big(count: int) -> str:
    """Reads, guards, calls with later values, messages and waits, in turn."""
    kinds = (
        '{id: s#, check: {reads: {p: {on: "${{ inputs.vault }}", call: "price() returns (uint256)"}}, that: p > #}}',
        '{id: s#, if: "steps.s@.p > 1", safe: {safe: "${{ inputs.guardian }}", title: Act, calls: '
        '[{on: "${{ inputs.vault }}", call: "set(uint256)", args: ["${{ steps.s@.p }}"]}]}}',
        '{id: s#, notify: {audience: x, subject: "${{ inputs.vault.name }}", text: "at ${{ inputs.vault.address }}"}}',
        "{id: s#, wait: {duration: 5s}}",
    )
    lines = (kinds[n % 4].replace("#", str(n)).replace("@", str(n - 1)) for n in range(count))
    return HEAD + "".join(f"  - {line}\n" for line in lines)


def test_a_plan_of_200_steps_compiles_in_a_blink() -> None:
    text = big(200)
    document = lint(text)
    assert document.problems == ()
    inputs = {"vault": VAULT, "guardian": SAFE}
    compiled(text, inputs)
    lint_and_compile = min(seconds(lambda: compiled(text, inputs)) for _ in range(3))
    assert lint_and_compile < SLOWEST
    assert len(compiled(text, inputs).steps) == 200
