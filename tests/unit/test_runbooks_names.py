"""Lint of names and order: what is named must exist, stand above, be waited for and be certain; and so on."""

import pytest

from runbooks.playbooks.lint import lint

HEAD = """\
playbook: names
title: Names and order
summary: Has what the tests want.
inputs:
  vault: {type: contract}
  guardian: {type: safe}
  mode: {type: choice, choices: [a, b]}
  cap: {type: uint256}
steps:
  - id: look
    check:
      reads:
        price: {on: "${{ inputs.vault }}", call: price() returns (uint256)}
        open: {on: "${{ inputs.guardian }}", call: open() returns (bool)}
      that: price < ${{ inputs.cap }}
  - {id: seen, manual: {instruction: "Look, ${{ inputs.mode }}.", evidence: text}}
"""
TELL = "  - {id: tell%s, notify: {audience: x, subject: All is well, text: '%s'}}\n"
WAIT = "wait: {duration: 1s}"
REF = "${{ steps.look.price }}"


def told(steps: str) -> list[str]:
    return [problem.at("f")[2:] for problem in lint(HEAD + steps).problems]


@pytest.mark.parametrize(
    "steps",
    [
        TELL % ("", REF),
        TELL % (", if: steps.look.price > 5", REF),
        TELL % (", if: steps.look.status == 'done' and steps.look.open", REF),
        TELL % (", if: '${{ inputs.mode == ''a'' }}'", REF),
        f"  - {{id: w, if: inputs.mode == 'a', {WAIT}}}\n  - {{id: x, if: steps.w.status == 'skipped', {WAIT}}}\n",
        "  - id: maybe\n    if: inputs.mode == 'a'\n    manual: {instruction: abc}\n"
        + TELL % (", if: inputs.mode == 'a'", "${{ steps.maybe.evidence }}"),
        "  - id: maybe\n    if: inputs.mode == 'a'\n    manual: {instruction: abc}\n"
        + TELL % (", if: steps.maybe.status == 'done'", "${{ steps.maybe.evidence }}"),
        "finally:\n" + TELL % (", if: steps.look.status == 'done'", REF),
        "  - id: s\n    lock: ${{ inputs.vault }}\n    safe: {safe: '${{ inputs.guardian }}', title: abc, calls: "
        "[{on: '${{ inputs.vault }}', call: f()}]}\n    rollback: {manual: {instruction: "
        "'Undo ${{ steps.s.transaction_hash }}'}}\n",
        f"  - {{id: j, on_failure: end, {WAIT}}}\n  - {{id: mid, {WAIT}}}\n  - {{id: end, {WAIT}}}\n",
    ],
)
def test_what_is_right_is_not_told(steps: str) -> None:
    assert told(steps) == []


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (TELL % ("", "${{ steps.loook.price }}"), "17:66: no step is called `loook` (did you mean `look`?)"),
        (TELL % ("", "${{ steps.look.prise }}"), "`look` does not yield `prise` (did you mean `price`?)"),
        (TELL % ("", "${{ steps.look }}"), "`steps.look` names no output of a step"),
        (TELL % ("", "${{ steps.look.price.x }}"), "names no output of a step"),
        (TELL % ("", "${{ steps.look.status }}"), "`status` can be asked only in conditions"),
        (TELL % ("", "${{ steps.look.price + 1 }}"), "cannot be computed with: it is not known yet"),
        (TELL % ("", "${{ steps.tell.message }}"), "`tell` is this very step"),
        (TELL % ("", "${{ steps.after.evidence }}") + "  - {id: after, manual: {instruction: abc}}\n", "stands below"),
        (TELL % (", needs: []", REF), "this step does not wait for `look` (add `needs: [look]`)"),
        (TELL % (", title: 'It is ${{ steps.look.price }}'", "abc"), "not known when the plan is made"),
        (TELL % ("", "${{ secrets.pager }}"), "a secret cannot stand here: `secrets.pager`"),
        (TELL % ("", "${{ inputs.valt }}"), "`inputs.valt` is not known here (did you mean `inputs.vault`?)"),
        (TELL % ("", "${{ inputs.vault.adress }}"), "did you mean `inputs.vault.address`?"),
        (TELL % ("", "${{ run.environ }}"), "`run.environ` is not known here (did you mean `run.environment`?)"),
        (TELL % ("", "${{ nothing }}"), "`nothing` is not known here"),
        (TELL % ("", "${{ f(1) }}"), "a function call is not allowed in an expression"),
        (TELL % ("", "${{ inputs.mode"), "`${{` without its `}}`"),
        (TELL % ("", "${{ steps.seen.evidence }}" * 2), "this can become longer than 4000 characters"),
        (TELL % (", if: inputs.mode", "abc"), "17:20: a condition is true or false, and this is text"),
        (TELL % (", if: inputs.mode == 5", "abc"), "never equal: `inputs.mode` is text, `5` is a whole number"),
        (TELL % (", if: steps.look.price == 'a'", "abc"), "never equal: `steps.look.price` is a whole number"),
        (TELL % (", if: steps.look.open > 5", "abc"), "an order wants a whole number"),
        (TELL % (", if: not steps.look.price", "abc"), "not wants true/false"),
        (TELL % (", if: inputs.vault", "abc"), "this is a record"),
        (TELL % (", if: '1 +'", "abc"), "this is not an expression"),
        (TELL % (", if: steps.w.status == 'done'", "abc"), "no step is called `w`"),
        (TELL % (", if: inputs.mode == 'c'", "abc"), "`inputs.mode` is never 'c'"),
        (TELL % (", if: steps.look.status == 'don'", "abc"), "is never 'don' (did you mean `done`?)"),
        (f"  - {{id: p, switch: {{on: inputs.mode, cases: {{z: [{{id: q, {WAIT}}}]}}}}}}\n", "is never 'z' (known are"),
        (f"  - {{id: w, wait: {{duration: '{REF}'}}}}\n", "what a step yields cannot stand here"),
        (f"  - {{id: look, {WAIT}}}\n", "17:10: the id `look` is used twice (rename one)"),
        (f"  - {{id: w, needs: [lok], {WAIT}}}\n", "no step above is called `lok` (did you mean `look`?)"),
        (f"  - {{id: w, needs: w, {WAIT}}}\n", "17:20: no step above is called `w`"),
        (f"  - {{id: w, on_failure: lok, {WAIT}}}\n", "no step is called `lok`"),
        (f"  - {{id: w, on_failure: look, {WAIT}}}\n", "`look` does not stand further down"),
        (f"  - {{id: w, rollback: {{manual: {{instruction: abc}}}}, {WAIT}}}\n", "`wait` has no side effect"),
        (f"  - {{id: w, lock: '${{{{ inputs.mode }}}}', {WAIT}}}\n", "`inputs.mode` is choice, not a contract"),
        (f"  - {{id: w, lock: '${{{{ run.protocol }}}}', {WAIT}}}\n", "a lock is a contract"),
        (f"  - {{id: w, bounds: {{x: {{minimum: 1}}}}, {WAIT}}}\n", "`wait` does not yield `x`"),
        (f"finally:\n  - {{id: f, marks: contained, {WAIT}}}\n", "a run's end proves nothing"),
        ("finally:\n  - {id: f, playbook: {use: other}}\n", "`finally` cannot use another playbook"),
        ("finally:\n  - {id: f, manual: {instruction: abc}, on_failure: rollback}\n", "nothing is rolled back"),
        ("finally:\n" + TELL % ("", REF), "`look` may not have been done when this step runs"),
        ("  - {id: s, playbook: {use: names}}\n", "17:29: a playbook cannot use itself"),
        (
            "  - {id: s, http: {url: 'https://x.y/z', method: POST, body: {$ref: look.price}}}\n",
            "no key may begin with `$`: `$ref`",
        ),
        ('  - {id: s, manual: {instruction: "a\ue000look.price\ue001"}}\n', "17:37: holds U+E000"),
    ],
)
def test_a_mistake_is_named(steps: str, said: str) -> None:
    found = told(steps)
    assert any(said in line for line in found), found


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{type: duration, default: soon}", "`default`: a duration is wanted"),
        ("{type: choice, choices: [a, b], default: c}", "`default`: one of a, b is wanted"),
        ("{type: uint256, default: -1}", "`default`: a whole number"),
        ("{type: amount, unit: hUSD, decimals: 2, default: 1.234}", "`default`: hUSD has only 2 decimals"),
        ("{type: contract, default: vault}", "`default`: an address is wanted"),
        ("{type: text, max_length: 2, default: abc}", "`default`: at most 2 characters"),
        ("{type: uint256, default: true}", "whole number"),
        ("{type: uint256, choices: [a]}", "`choices` belongs to type: choice"),
    ],
)
def test_an_input_that_could_not_be_answered_by_its_default_is_named(spec: str, said: str) -> None:
    found = [problem.at("f") for problem in lint(HEAD.replace("{type: uint256}", spec)).problems]
    assert any(said in line for line in found), found


MAYBE = "  - id: maybe\n    {}\n    manual: {{instruction: abc}}\n"
USE = TELL % ("", "${{ steps.maybe.evidence }}")
GUARDED = TELL % (", if: steps.maybe.status == 'done'", "${{ steps.maybe.evidence }}")


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (MAYBE.format("if: inputs.mode == 'a'"), "`maybe` may have been skipped"),
        (MAYBE.format("on_failure: continue"), "`maybe` may have failed"),
        (
            f"  - {{id: risky, on_failure: rescue, {WAIT}}}\n{MAYBE.format('expect: 1s')}  - {{id: rescue, {WAIT}}}\n",
            "`maybe` may be left out when `risky` fails",
        ),
        (
            "  - id: fork\n    if:\n      that: inputs.mode == 'a'\n"
            "      then: [{id: maybe, manual: {instruction: abc}}]\n",
            "`maybe` may have been skipped",
        ),
        (
            "  - id: fork\n    switch:\n      on: inputs.mode\n      cases:\n"
            "        a: [{id: maybe, manual: {instruction: abc}}]\n",
            "`maybe` may have been skipped",
        ),
    ],
)
def test_what_may_not_have_been_done_is_named_only_under_a_guard(steps: str, why: str) -> None:
    assert any(why in line and "steps.maybe.status == 'done'" in line for line in told(steps + USE)), told(steps + USE)
    assert told(steps + GUARDED) == []


def test_another_branch_is_not_certain_but_the_same_one_is() -> None:
    fork = """\
  - id: fork
    if:
      that: inputs.mode == 'a'
      then:
        - {{id: one, manual: {{instruction: abc}}}}
        - {{id: two, notify: {{audience: x, subject: Well done, text: "{}"}}}}
      else:
        - {{id: three, manual: {{instruction: abc}}}}
        - {{id: four, notify: {{audience: x, subject: Well done, text: "{}"}}}}
"""
    one, three = "${{ steps.one.evidence }}", "${{ steps.three.evidence }}"
    assert told(fork.format(one, three)) == []
    assert "this step does not wait for `one`" in told(fork.format("abc", one))[0]


def test_neighbours_in_parallel_do_not_wait_for_each_other() -> None:
    both = """\
  - id: both
    parallel:
      steps:
        - {id: one, manual: {instruction: abc}}
        - {id: two, notify: {audience: x, subject: Well done, text: "${{ steps.one.evidence }}"}}
"""
    assert "does not wait for `one` (add `needs: [one]`)" in told(both)[0]
    assert told(both.replace("id: two,", "id: two, needs: one,")) == []


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("  - {id: p, parallel: {steps: []}}\n", "at least 1 item"),
        ("  - {id: p, parallel: {steps: [5]}}\n", "a step is a mapping"),
        ("  - {id: p, parallel: {stepz: []}}\n", "`stepz` is not known here (did you mean `steps`?)"),
        ("  - {id: p, parallel: {steps: [{id: q}]}}\n", "17:32: this step does not say what it does"),
        ("  - {id: p, parallel: {steps: [{id: q, wiat: {}}]}}\n", "`wiat` is not known here (did you mean `wait`?)"),
        (f"  - {{id: p, parallel: {{steps: [{{id: look, {WAIT}}}]}}}}\n", "the id `look` is used twice"),
        (f"  - {{id: p, timeout: 5m, parallel: {{steps: [{{id: q, {WAIT}}}]}}}}\n", "`timeout` has no meaning on"),
        (f"  - {{id: p, if: {{that: 'true', than: [{{id: q, {WAIT}}}]}}}}\n", "did you mean `then`?"),
        (f"  - {{id: p, if: {{that: inputs.mode, then: [{{id: q, {WAIT}}}]}}}}\n", "this is text"),
        (f"  - {{id: p, if: true, {WAIT}}}\n", "`if`: text is wanted"),
        (f"  - {{id: p, switch: {{on: inputs.mode, cases: {{1: [{{id: q, {WAIT}}}]}}}}}}\n", "never equal"),
        (f"  - {{id: p, switch: {{on: inputs.vault, cases: {{a: [{{id: q, {WAIT}}}]}}}}}}\n", "record"),
        (
            f"  - {{id: p, switch: {{on: inputs.mod, cases: {{a: [{{id: q, {WAIT}}}]}}}}}}\n",
            "did you mean `inputs.mode`",
        ),
        ("  - {id: p, playbook: {use: Other}}\n", "`Other` has the wrong form"),
        ("  - {id: p, manual: {instruction: abc}, rollback: {}}\n", "this step does not say what it does"),
        (
            "  - {id: p, manual: {instruction: abc}, rollback: {manual: {instruction: abc}, needs: []}}\n",
            "`needs` is not known here",
        ),
        (
            f"  - {{id: p, manual: {{instruction: abc}}, rollback: {{parallel: {{steps: [{{id: q, {WAIT}}}]}}}}}}\n",
            "`parallel` cannot undo a step",
        ),
        (f"  - {{id: p, before: {{that: 'true'}}, {WAIT}}}\n", "write either `feed`"),
        (f"  - {{id: p, after: [5], {WAIT}}}\n", "a mapping is wanted"),
        (f"  - {{id: stop, {WAIT}}}\n", "`stop` has a meaning of its own"),
        (f"  - {{id: p, on_failure: Stop!, {WAIT}}}\n", "stop, continue, rollback, or the id of a step"),
    ],
)
def test_control_steps_are_looked_into(steps: str, said: str) -> None:
    found = told(steps)
    assert any(said in line for line in found), found


def test_steps_stand_inside_one_another_at_most_four_deep() -> None:
    def nested(depth: int) -> str:
        inner = f"{{id: d0, {WAIT}}}"
        for level in range(1, depth + 1):
            inner = f"{{id: d{level}, parallel: {{steps: [{inner}]}}}}"
        return f"  - {inner}\n"

    assert told(nested(4)) == []
    assert any("more than 4 deep" in line for line in told(nested(5)))


def test_inside_names_of_the_outside_are_known_and_go_on_leads_only_outwards() -> None:
    steps = f"""\
  - id: both
    parallel:
      steps:
        - {{id: one, needs: [look], on_failure: {{}}, {WAIT}}}
        - id: two
          if: {{that: steps.look.price > 1, then: [{{id: three, {WAIT}}}, {{id: four, {WAIT}}}]}}
  - {{id: last, {WAIT}}}
"""
    assert told(steps.replace("{}", "last")) == []
    assert "starts at the same time" in told(steps.replace("{}", "two"))[0]
    assert "stands inside another step" in told(steps.replace("{}", "four"))[0]
    assert "is around this step" in told(steps.replace("{}", "both"))[0]


USES = """\
playbook: {}
title: Uses another
summary: Uses another one.
inputs:
  where: {{type: address}}
steps:
  - {{id: go, playbook: {{use: {}, inputs: {}}}}}
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (USES.format("one", "inner", "{where: '${{ inputs.where }}'}"), ""),
        (USES.format("one", "elsewhere", "{any: '${{ inputs.where }}'}"), ""),
        (
            USES.format("one", "inner", "{were: '${{ inputs.where }}'}"),
            "inner has no input `were` (did you mean `where`?)",
        ),
        (USES.format("one", "inner", "{were: '${{ inputs.where }}'}"), "inner asks for `where`"),
        (USES.format("one", "one", "{where: '${{ inputs.where }}'}"), "a playbook cannot use itself: one → one"),
        (USES.format("deep", "inner", "{where: '${{ inputs.where }}'}"), "cannot use itself: deep → inner → deep"),
    ],
)
def test_playbooks_that_are_known_are_looked_into(text: str, said: str) -> None:
    inner = lint(USES.format("inner", "deep", "{where: '${{ inputs.where }}'}")).playbook
    assert inner is not None
    found = [problem.at("f") for problem in lint(text, {"inner": inner}).problems]
    assert any(said in line for line in found) if said else found == []
