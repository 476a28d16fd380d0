"""What YAML and Python take and a playbook does not: each is a mistake with its place, and never an exception."""

from typing import Any

import pytest

from integrations.expressions import ExpressionError, evaluate
from ledger.errors import Invalid
from runbooks.playbooks.inputs import InputSpec, read_inputs
from runbooks.playbooks.lint import lint
from tests.language_world import SAFE, VAULT, WORLD, compiled

HEAD = """\
playbook: strict
title: A strict one
summary: Takes nothing for something else.
inputs:
  vault: {type: contract}
  guardian: {type: safe}
steps:
  - {id: use, manual: {instruction: "${{ inputs.vault.name }} ${{ inputs.guardian.name }}"}}
"""
WAIT = "  - {id: a, wait: {blocks: %s, on: '${{ inputs.vault }}'}}\n"
READ = "  - {id: a, check: {reads: {a: {on: '${{ inputs.vault }}', call: '%s'}}, that: \"%s\"}}\n"
CALL = "  - {id: a, safe: {safe: '${{ inputs.guardian }}', title: Act, calls: [{on: '${{ inputs.vault }}', %s}]}}\n"
TELL = "  - {id: a, manual: {instruction: %s}}\n"
KEYED = "  - {id: a, wait: {duration: 5s}, %s}\n"
AROUND = (
    "  - {id: a, on_failure: %s, parallel: {steps: [{id: b, wait: {duration: 1s}}]}}\n"
    "  - {id: end, wait: {duration: 1s}}\n"
)
GUARD = '  - {id: a, wait: {duration: 5s}, if: "%s"}\n'


def told(text: str) -> list[str]:
    return [problem.at("f")[2:] for problem in lint(text).problems]


@pytest.mark.parametrize(
    "number", ["-0x10", "+0x10", "0b11", "-_", "+__", "-0o17", "1e3", ".inf", "'3'", "true", "9" * 5_000]
)
def test_only_decimal_digits_are_a_number(number: str) -> None:
    assert told(HEAD + WAIT % number) == ["9:28: `blocks`: a whole number is wanted"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("%YAML 1.1\n---\n" + HEAD, "2:1: a playbook is YAML 1.2 (remove the line that begins with `%`)"),
        ("%YAML 1.3\n---\n" + HEAD, "1:1: not valid YAML"),
        (HEAD.replace("strict one", "strict \x07 one"), "2:17: holds U+0007, a character YAML does not allow"),
        (HEAD.replace("A strict one", '"A \\0 one"'), "2:8: holds U+0000, a character without meaning (remove it)"),
        (HEAD.replace("A strict one", '"A \\ud800 one"'), "2:8: U+D800 is not a character of Unicode 14"),
        (HEAD.replace("A strict one", '"A \\ue000 one"'), "2:8: holds U+E000, a character without meaning"),
        (HEAD.replace("A strict one", "A \U0001fae8 one"), "2:8: U+1FAE8 is not a character of Unicode 14"),
        (HEAD.replace("  vault", "\tvault"), "5:1: not valid YAML: found character '\\t'"),
        (HEAD.replace("  vault", "\tvault"), "(indent with spaces)"),
        (HEAD.replace("A strict", "A: strict"), "mapping values are not allowed here (put a text that"),
        (HEAD.replace("title: A", "title A"), "(write `key: value`, with a space after the colon)"),
        (HEAD + "---\na: b\n", "(one file is one playbook: remove the `---`)"),
        (HEAD.replace("playbook: strict", "playbook: schema"), "1:11: `schema` is an address of the API"),
    ],
)  # fmt: skip
def test_what_is_no_playbook_yaml(text: str, said: str) -> None:
    assert any(said in line for line in told(text)), told(text)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (KEYED.replace("5s", "\u0665m") % "text: a", "a duration is wanted, such as 90s"),
        (AROUND % "nowhere", "9:25: no step is called `nowhere` (known are continue, end, rollback, stop)"),
        (AROUND % "use", "9:25: `use` does not stand further down"),
        (AROUND % "b", "9:25: `b` does not stand further down"),
        (AROUND % "finally", "9:25: no step is called `finally`"),
        (KEYED % "retry: 3", "`retry`: a mapping is wanted (for example retry: {attempts: 3, delay: 5s})"),
        (KEYED % "needs: {a: b}", "`needs`: text is wanted (ids of steps above"),
        (KEYED % "lock: vault", "`vault` has the wrong form (for example ${{ inputs.vault }})"),
        (KEYED % "bounds: {x: {minimum: 1}}", "`wait` does not yield `x` (it yields nothing"),
        (KEYED.replace("5s", "'${{ inputs.vault }}'") % "text: a", "`inputs.vault` cannot stand here"),
        (TELL % "'${{ inputs.vault }}'", "`inputs.vault` cannot stand here (it is of type contract"),
        (TELL % "\"${{ '\\\\ue000secret:a\\\\ue001' }}\"", "a text in an expression holds U+E000"),
        (GUARD % "2 ** 600 > 1", "that power is negative or too large"),
        (GUARD % "inputs.vault.chain_id // 0 == 1", "division by zero"),
        (GUARD % "run.environment == 'lve'", "`run.environment` is never 'lve' (did you mean `live`?)"),
        (GUARD % "inputs.vault.chain_id == 1 && true", "(write `and` for `&&`)"),
        (GUARD % "inputs.vault.chain_id = 1", "(write `==` to compare)"),
        (READ % ("a() returns (uint8)", "a"), "`that` is a whole number; a condition is true or false"),
        (READ % ("a() returns (bool)", "a == 1"), "these are never equal: `a` is true/false, `1` is a whole"),
        (READ % ("a() returns (uint8 x, bool y)", "a.z"), "`that` uses a.z; there is a.x, a.y"),
        (READ % ("a() returns (address)", f"a == '0x{'ab' * 20}'"), "this one is written 0xAB"),
        (READ % ("a(uint8) returns (bool)", "a"), "a(uint8) takes 1 argument, and here are none"),
        (CALL % "call: a(uint8), args: [256]", "a(uint8): argument 1: This is not a whole number in range. uint8"),
        (CALL % "call: a(), args: [1]", "a() takes no arguments, and here are 1"),
        (CALL % "call: a(uint256), args: ['${{ inputs.vault }}']", "argument 1 is an address, and uint256 is wanted"),
        (CALL % "call: a(), value: -1", "input should be greater than or equal to 0"),
        (CALL % f"call: a(), value: {2**256}", "input should be less than 1157920892"),
        (CALL % "call: a(), value: 1.5", "`1.5` has the wrong form (for example ${{ inputs.vault }})"),
        ((READ % ("a() returns (bool)", "a")).replace("{a: {on", "{from: {on"), "`from` cannot be the name of a value"),
        ("  - {id: a, wait: 5s}\n", "`wait` wants a mapping (its keys are blocks, duration, every, on, until)"),
        ("  - {id: a, approve: {question: Go on, required: '2'}}\n", "`required`: a whole number is wanted"),
        ("  - {id: a, decide: {question: Which, options: [1, 2]}}\n", "9:49: `options`: text is wanted"),
        (
            "  - {id: a, switch: {on: inputs.vault.chain_id, cases: {1: [{id: b, wait: {duration: 1s}}], "
            "01: [{id: c, wait: {duration: 1s}}]}}}\n",
            "the case `01` is the same value as one above it",
        ),
        (
            "  - {id: a, timelock: {timelock: '${{ inputs.vault }}', via: x, delay: 1d, part: ready, "
            "calls: [{on: '${{ inputs.vault }}', call: a()}]}}\n",
            "`part` is not known here",
        ),
        (
            "  - {id: a, http: {url: 'https://a.b', method: POST, body: {a: 9007199254740992}}}\n",
            "`body`: 9007199254740992… is 2^53 or more; write it as text",
        ),
        ("  - {id: a, http: {url: 'https://a.b', headers: {X Y: z}}}\n", "the header 'X Y' cannot be set"),
        ("  - {id: a, http: {url: 'https://a.b', headers: {X: '${{ secrets.Y }}'}}}\n", "in lower-case letters"),
    ],
)  # fmt: skip
def test_a_step_that_could_not_be_done_as_it_is_written(step: str, said: str) -> None:
    assert any(said in line for line in told(HEAD + step)), told(HEAD + step)


def test_escapes_in_expressions_write_no_marks() -> None:
    for text in ("'\\x00'", "'\\ue000look.price\\ue001'", "'\\ud800'"):
        with pytest.raises(ExpressionError, match="without meaning"):
            evaluate(text, {})
    assert evaluate("'a\\nb'", {}) == "a\nb"


def test_a_name_may_be_a_word_of_pythons() -> None:
    """As address `from`, say; between quotes a text stays as it is."""
    names = {"inputs": {"from": 7, "class": {"is": True}}}
    assert evaluate("inputs.from + 1 == 8 and inputs.class.is", names) is True
    assert evaluate("'inputs.from'", names) == "inputs.from"
    assert evaluate("not (inputs.from == 7 if inputs.class.is else false)", names) is False
    asked = HEAD.replace("steps:", "  from: {type: uint256}\nsteps:")
    step = "  - {id: await, if: inputs.from > 1, manual: {instruction: 'No ${{ inputs.from }}'}, %s}\n"
    step %= "bounds: {evidence: {max_length: 9}}"
    after = "  - {id: z, if: steps.await.status == 'done', manual: {instruction: 'a ${{ steps.await.evidence }}'}}\n"
    plan = compiled(asked + step + after, {"vault": VAULT, "guardian": SAFE, "from": 5})
    assert plan.steps[1].params["instruction"] == "No 5"
    assert plan.steps[1].params["rules"]["if"][0]["that"] == "inputs.from > 1"
    assert [reference.id for reference in plan.references] == ["await.evidence"]


def rules_of(step: str) -> dict[str, Any]:
    plan = compiled(HEAD + step, {"vault": VAULT, "guardian": SAFE})
    return dict(plan.steps[-1].params["rules"])


def test_what_takes_long_by_itself_is_late_only_after_that() -> None:
    """Unless the playbook says otherwise: then its word stands."""
    rules = rules_of("  - {id: a, wait: {duration: 2h}}\n")
    assert (rules["expect"], rules["timeout"]) == (7_200, 9_000)
    rules = rules_of("  - {id: a, wait: {duration: 2h}, expect: 1m, timeout: 10m}\n")
    assert (rules["expect"], rules["timeout"]) == (60, 600)
    rules = rules_of("  - {id: a, wait: {duration: 5s}}\n")
    assert (rules["expect"], rules["timeout"]) == (60, 1_800)


def test_a_literal_address_has_one_spelling_wherever_it_stands() -> None:
    """A lock on it meets the lock of whoever wrote it in capitals."""
    lower = "0xab5801a7d398351b8be11c439e05c5b3259aec9b"
    step = "  - {id: a, manual: {instruction: abc}, lock: {chain_id: 1, address: '%s'}}\n"
    assert rules_of(step % lower)["lock"]["address"] == "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B"
    assert "checksum" in told(HEAD + step % "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9C")[0]


def test_a_text_is_a_text_and_lines_of_a_browser_are_lines() -> None:
    specs = {"note": InputSpec(type="text")}
    assert read_inputs(specs, {"note": "one\r\ntwo"}, WORLD)["note"]["value"] == "one\ntwo"
    for odd in ({"a": 1}, ["a"], True, 1.5, "a\rb"):
        with pytest.raises(Invalid):
            read_inputs(specs, {"note": odd}, WORLD)
