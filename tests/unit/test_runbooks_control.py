"""Control types disappear when a plan is compiled: one flat row, each step with what it waits for and its guards."""

from typing import Any

import pytest

from governance.plans.schema import Document
from ledger.errors import Invalid
from runbooks.plans.compile import MOST_STEPS
from runbooks.plans.context import KnownPlaybook, PlanContext
from tests.language_world import INNER, KEEPER, VAULT, WORLD, compiled, known, read

HEAD = """\
playbook: outer
title: An outer one
summary: Does what the test wants.
inputs:
  vault: {type: contract}
  mode: {type: choice, choices: [a, b], default: a}
steps:
  - {id: start, manual: {instruction: "Look at ${{ inputs.vault.name }}, ${{ inputs.mode }}."}}
"""
WAIT = "wait: {duration: 1s}"


def plan(steps: str, world: PlanContext = WORLD) -> Document:
    return compiled(HEAD + steps, {"vault": VAULT}, world)


def row(document: Document) -> list[tuple[str, tuple[str, ...]]]:
    return [(step.id, step.needs) for step in document.steps]


def rules(document: Document, step_id: str) -> dict[str, Any]:
    step = document.step(step_id)
    assert step is not None
    return dict(step.params["rules"])


def guards(document: Document, step_id: str) -> list[str]:
    return [guard["that"] for guard in rules(document, step_id)["if"]]


def test_steps_in_parallel_start_together_and_the_next_waits_for_all() -> None:
    found = plan(f"""\
  - id: both
    parallel:
      steps:
        - {{id: one, {WAIT}}}
        - {{id: two, {WAIT}}}
        - {{id: three, needs: two, {WAIT}}}
  - {{id: last, {WAIT}}}
""")
    assert row(found) == [
        ("start", ()),
        ("one", ("start",)),
        ("two", ("start",)),
        ("three", ("two",)),
        ("both", ("one", "three")),
        ("last", ("both",)),
    ]
    assert rules(found, "both")["expect"] == 0 and found.steps[4].type == "parallel"


def test_branches_stand_side_by_side_with_opposite_guards() -> None:
    found = plan(f"""\
  - id: fork
    if:
      that: inputs.mode == 'a'
      then: [{{id: one, {WAIT}}}, {{id: two, if: "steps.one.status == 'done'", {WAIT}}}]
      else: [{{id: three, {WAIT}}}]
""")
    assert row(found)[1:] == [
        ("one", ("start",)),
        ("two", ("one",)),
        ("three", ("start",)),
        ("fork", ("two", "three")),
    ]
    assert guards(found, "two") == ["inputs.mode == 'a'", "steps.one.status == 'done'"]
    assert guards(found, "three") == ["not (inputs.mode == 'a')"]
    assert guards(found, "fork") == []
    assert rules(found, "one")["if"][0]["inputs"] == {"mode": {"type": "choice", "value": "a"}}


@pytest.mark.parametrize(
    ("on", "cases", "said"),
    [
        ("inputs.mode", ("a", "b"), ['(inputs.mode) == "a"', '(inputs.mode) == "b"']),
        (
            "inputs.vault.chain_id",
            ("1", "731337"),
            ["(inputs.vault.chain_id) == 1", "(inputs.vault.chain_id) == 731337"],
        ),
        (
            "inputs.mode == 'a'",
            ("true", "false"),
            ["(inputs.mode == 'a') == true", "(inputs.mode == 'a') == false"],
        ),
    ],
)
def test_cases_are_compared_by_their_kind(on: str, cases: tuple[str, str], said: list[str]) -> None:
    found = plan(f"""\
  - id: fork
    switch:
      on: {on}
      cases:
        "{cases[0]}": [{{id: one, {WAIT}}}]
        "{cases[1]}": [{{id: two, {WAIT}}}]
      default: [{{id: three, {WAIT}}}]
""")
    assert [*guards(found, "one"), *guards(found, "two")] == said
    assert guards(found, "three") == [
        " and ".join(said).replace("==", "!=").replace("inputs.mode !=", "inputs.mode ==")
    ]


def test_many_cases_keep_each_condition_within_its_length() -> None:
    cases = "\n".join(f'        "{"x" * 60}{n}": [{{id: s{n}, {WAIT}}}]' for n in range(20))
    found = plan(f"""\
  - id: fork
    switch:
      on: inputs.vault.name
      cases:
{cases}
      default: [{{id: none, {WAIT}}}]
""")
    said = guards(found, "none")
    assert len(said) > 1 and all(len(one) <= 500 for one in said)
    assert sum(one.count("!=") for one in said) == 20


def test_lock_role_and_on_failure_go_down_unless_a_step_says_its_own() -> None:
    found = plan(f"""\
  - id: both
    lock: ${{{{ inputs.vault }}}}
    role: admin
    on_failure: last
    parallel:
      steps:
        - {{id: one, {WAIT}}}
        - {{id: two, role: responder, on_failure: stop, {WAIT}}}
  - {{id: last, {WAIT}}}
""")
    one, two, both = (rules(found, step) for step in ("one", "two", "both"))
    assert one["lock"] == {"chain_id": 731337, "address": VAULT, "name": "HelixVault"}
    assert (one["role"], one["on_failure"]) == ("admin", "last")
    assert (two["role"], two["on_failure"]) == ("responder", "stop")
    assert (both["lock"], both["on_failure"]) == (None, "stop")


def test_going_on_at_a_control_step_means_its_first_step() -> None:
    found = plan(f"""\
  - {{id: risky, on_failure: rescue, {WAIT}}}
  - {{id: between, {WAIT}}}
  - id: rescue
    parallel: {{steps: [{{id: one, {WAIT}}}, {{id: two, {WAIT}}}]}}
""")
    assert rules(found, "risky")["on_failure"] == "one"


def test_what_undoes_stands_beside_its_step_and_waits_for_nothing() -> None:
    found = plan(f"""\
  - id: act
    manual: {{instruction: Turn it off.}}
    lock: ${{{{ inputs.vault }}}}
    rollback: {{manual: {{instruction: Turn it on.}}, title: On again, role: responder, timeout: 2h}}
  - {{id: last, {WAIT}}}
""")
    assert row(found)[1:] == [("act", ("start",)), ("act.rollback", ()), ("last", ("act",))]
    undo = rules(found, "act.rollback")
    assert (undo["phase"], undo["role"], undo["timeout"]) == ("rollback", "responder", 7_200)
    assert undo["lock"] == rules(found, "act")["lock"] and rules(found, "act")["undo"] == "act.rollback"


def test_another_playbook_becomes_part_of_the_plan() -> None:
    found = plan(f"""\
  - id: sub
    if: inputs.mode == 'a'
    playbook:
      use: inner
      inputs: {{vault: "${{{{ inputs.vault }}}}", limit: 7.5, patience: 1m, keeper: "{KEEPER}"}}
  - {{id: last, {WAIT}}}
finally:
  - {{id: bye, {WAIT}}}
""")
    assert row(found) == [
        ("start", ()),
        ("sub.first", ("start",)),
        ("sub.second", ("sub.first",)),
        ("sub", ("sub.second",)),
        ("last", ("sub",)),
        ("sub.back", ()),
        ("bye", ()),
    ]
    assert guards(found, "sub.first") == ["inputs.mode == 'a'"]
    assert guards(found, "sub.second") == ["inputs.mode == 'a'", "steps.first.left > 0"]
    inner = rules(found, "sub.second")["if"][1]
    assert inner["steps"] == {"first": "sub.first"} and inner["types"] == {"first": {"left": "uint256"}}
    assert rules(found, "sub.back")["if"][0]["steps"] == {"s0": "sub.first", "s1": "sub.second"}
    assert rules(found, "sub.back")["phase"] == "finally"
    join = found.step("sub")
    assert join is not None
    assert {key: join.params[key] for key in ("use", "version", "sha256")} == {
        "use": "inner",
        "version": 4,
        "sha256": INNER.sha256,
    }


USES = """\
playbook: {name}
title: Uses another
summary: Uses another one.
steps:
  - {{id: go, playbook: {{use: {other}}}}}
"""


def test_no_failure_leads_around_an_approval_of_a_playbook_in_between() -> None:
    asks = USES.format(name="asks", other="x").replace("playbook: {use: x}", "approve: {question: Go on?}")
    world = PlanContext(contracts=WORLD.contracts, playbooks={"asks": known(asks)})
    steps = f"  - {{id: risky, on_failure: end, {WAIT}}}\n  - {{id: sub, playbook: {{use: asks}}}}\n"
    with pytest.raises(Invalid, match=r"`on_failure: end` would go around the approval `sub\.go`") as caught:
        plan(f"{steps}  - {{id: end, {WAIT}}}\n", world)
    assert (caught.value.field, caught.value.hint) == ("steps.risky", "go on at `sub.go`, or above it")


def test_a_playbook_never_uses_itself_however_indirectly() -> None:
    uses = (("outer", "b"), ("b", "c"), ("c", "outer"))
    books = {name: known(USES.format(name=name, other=other)) for name, other in uses}
    with pytest.raises(Invalid, match="a playbook cannot use itself: outer → b → c → outer") as caught:
        compiled(USES.format(name="outer", other="b"), {}, PlanContext(playbooks=books))
    assert caught.value.field == "steps.go.go.go"


def test_playbooks_use_one_another_only_so_deep_and_only_stored_ones() -> None:
    chain = {f"b{n}": known(USES.format(name=f"b{n}", other=f"b{n + 1}")) for n in range(8)}
    with pytest.raises(Invalid, match="more than 4 deep"):
        compiled(USES.format(name="outer", other="b0"), {}, PlanContext(playbooks=chain))
    with pytest.raises(Invalid, match="no playbook b0 is stored"):
        compiled(USES.format(name="outer", other="b0"), {}, PlanContext())


@pytest.mark.parametrize(
    ("inputs", "field", "said"),
    [
        ("{}", "steps.sub.inputs.vault", "is required"),
        ('{vault: "${{ inputs.vault }}", limit: many, patience: 1m, keeper: "0x11"}', "steps.sub.inputs.limit", "hUSD"),
        ('{valt: "${{ inputs.vault }}"}', "steps.sub.inputs.valt", "has no such input"),
        ('{vault: "${{ inputs.mode }}"}', "steps.sub.inputs.vault", "an address is wanted"),
    ],
)
def test_inputs_of_another_playbook_are_checked_like_answers(inputs: str, field: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        plan(f"  - {{id: sub, playbook: {{use: inner, inputs: {inputs}}}}}\n")
    assert caught.value.field == field and said in caught.value.message


def many(count: int) -> KnownPlaybook:
    steps = "".join(f"  - {{id: s{n}, {WAIT}}}\n" for n in range(count))
    return known(f"playbook: many\ntitle: Many steps\nsummary: Has many steps.\nsteps:\n{steps}")


def test_a_plan_has_at_most_200_steps_with_those_that_are_used() -> None:
    world = PlanContext(contracts=WORLD.contracts, playbooks={"many": many(98)})
    twice = "  - {id: one, playbook: {use: many}}\n  - {id: two, playbook: {use: many}}\n"
    assert len(plan(twice, world).steps) == MOST_STEPS - 1
    with pytest.raises(Invalid, match="more than 200 steps"):
        plan(twice + "  - {id: three, playbook: {use: many}}\n", world)


def test_ids_that_grow_too_long_are_refused() -> None:
    long = "x" * 41
    middle = known(USES.format(name="middle", other="many").replace("id: go", f"id: {long}"))
    world = PlanContext(contracts=WORLD.contracts, playbooks={"middle": middle, "many": many(1)})
    with pytest.raises(Invalid, match="longer than 64 characters"):
        plan(f"  - {{id: {long}, playbook: {{use: middle}}}}\n", world)


def test_a_plan_is_the_same_however_often_it_is_compiled() -> None:
    text = HEAD + f"  - {{id: fork, if: {{that: inputs.mode == 'a', then: [{{id: one, {WAIT}}}]}}}}\n"
    assert read(text) == read(text)
    assert compiled(text, {"vault": VAULT}).canonical() == compiled(text, {"vault": VAULT}).canonical()


LEAF = """\
playbook: leaf
title: A leaf
summary: Says nothing but where it must.
steps:
  - {id: x, wait: {duration: 1s}}
  - {id: own, wait: {duration: 1s}, role: admin, on_failure: stop}
  - {id: ask, approve: {question: Go on?}}
finally:
  - {id: last, wait: {duration: 1s}}
"""
BRANCH = """\
playbook: branch
title: A branch
summary: Uses the leaf and says nothing either.
steps:
  - {id: leaf, playbook: {use: leaf}}
"""


@pytest.mark.parametrize("word", ["rollback", "continue", "stop"])
def test_what_is_said_where_a_playbook_is_used_holds_for_every_step_in_it(word: str) -> None:
    """As it does for the steps inside any other control step; a no stays a no, and the end has its own end."""
    world = PlanContext(contracts=WORLD.contracts, playbooks={"leaf": known(LEAF), "branch": known(BRANCH)})
    says = f'on_failure: {word}, role: responder, lock: "${{{{ inputs.vault }}}}"'
    found = plan(f"  - {{id: use, {says}, playbook: {{use: branch}}}}\n", world)
    lock = {"chain_id": 731337, "address": VAULT, "name": "HelixVault"}
    said = {name: rules(found, f"use.leaf.{name}") for name in ("x", "own", "ask", "last")}
    assert [(name, one["role"], one["lock"]) for name, one in said.items()] == [
        ("x", "responder", lock),
        ("own", "admin", lock),
        ("ask", "responder", lock),
        ("last", "responder", lock),
    ]
    after = {name: one["on_failure"] for name, one in said.items()}
    assert after == {"x": word, "own": "stop", "ask": "stop" if word == "continue" else word, "last": "stop"}
    assert rules(found, "use")["on_failure"] == "stop" and rules(found, "use")["lock"] is None


def test_a_failure_in_a_used_playbook_leads_where_its_user_says() -> None:
    leaf = known(LEAF.replace("  - {id: ask, approve: {question: Go on?}}\n", ""))
    world = PlanContext(contracts=WORLD.contracts, playbooks={"leaf": leaf, "branch": known(BRANCH)})
    use = "  - {id: use, on_failure: %s, playbook: {use: branch}}\n  - {id: end, wait: {duration: 1s}}\n"
    found = plan(use % "end", world)
    assert rules(found, "use.leaf.x")["on_failure"] == "end" and rules(found, "use.leaf.own")["on_failure"] == "stop"
    with_approval = PlanContext(contracts=WORLD.contracts, playbooks={"leaf": known(LEAF), "branch": known(BRANCH)})
    with pytest.raises(Invalid, match=r"would go around the approval `use\.leaf\.ask`"):
        plan(use % "end", with_approval)
