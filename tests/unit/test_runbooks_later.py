"""What only the run will know stands in the plan as a typed reference, within bounds, and goes where it fits."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.plans.schema import Document, check_value, references_in, resolve
from integrations.chain.abi import encode_call
from ledger.errors import Invalid
from runbooks.plans.later import Yields, calldata, in_words, is_marked, mark, secret_mark, settle, yields
from runbooks.steps import Output
from tests.language_world import SAFE, VAULT, WORLD, compiled

HEAD = """\
playbook: later
title: Values of later
summary: Names what steps yield.
inputs:
  vault: {type: contract}
  guardian: {type: safe}
  cap: {type: uint256, default: 100}
steps:
  - id: look
    check:
      reads:
        price: {on: "${{ inputs.vault }}", call: price() returns (int256)}
        owner: {on: "${{ inputs.guardian }}", call: owner() returns (address)}
        open: {on: "${{ inputs.vault }}", call: open() returns (bool)}
        small: {on: "${{ inputs.vault }}", call: small() returns (uint8)}
      that: price < ${{ inputs.cap }}
"""
TELL = '  - {{id: tell, notify: {{audience: x, subject: "{}", text: "{}"}}}}\n'


def plan(steps: str) -> Document:
    return compiled(HEAD + steps, {"vault": VAULT, "guardian": SAFE})


def act(call: str, args: str, more: str = "") -> str:
    return f"""{more}\
  - id: act
    safe:
      safe: ${{{{ inputs.guardian }}}}
      title: Act upon it
      calls: [{{on: "${{{{ inputs.vault }}}}", call: "{call}", args: {args}}}]
"""


def test_a_value_alone_in_a_text_or_in_a_call() -> None:
    found = plan(TELL.format("${{ steps.look.owner }}", "${{ steps.look.price }} of ${{ inputs.cap }}"))
    tell = found.step("tell")
    assert tell is not None
    assert tell.params["subject"] == {"$ref": "look.owner"}
    assert tell.params["text"] == {"$text": [{"$ref": "look.price"}, " of 100"]}
    assert tell.title == "to x: <look.owner>"
    assert {item.id: item.type for item in found.references} == {"look.owner": "address", "look.price": "int256"}
    assert resolve(tell.params["text"], {"look.price": "-7"}) == "-7 of 100"
    with pytest.raises(KeyError):
        resolve(tell.params["text"], {})


def test_a_call_is_encoded_when_its_values_are_known() -> None:
    found = plan(act("set(int256,address,bool)", '["${{ steps.look.price }}", "${{ inputs.vault }}", true]'))
    step = found.step("act")
    assert step is not None
    call = step.params["calls"][0]
    assert call["data"] == {"$call": "set(int256,address,bool)", "args": [{"$ref": "look.price"}, VAULT, True]}
    data = resolve(call, {"look.price": "-7"})["data"]
    assert data == "0x" + encode_call("set(int256,address,bool)", "", [-7, VAULT, True]).hex()
    assert step.params["words"] == [f"HelixVault.set(<look.price>, HelixVault ({VAULT}), True)"]


@pytest.mark.parametrize(
    ("call", "args", "bounds", "said"),
    [
        ("set(uint256)", "price", "", "say within which `bounds`"),
        ("set(uint256)", "price", "{price: {minimum: 0}}", ""),
        ("set(int128)", "price", "{price: {minimum: 0}}", "say within which `bounds`"),
        ("set(int128)", "price", "{price: {minimum: 0, maximum: 5}}", ""),
        ("set(uint8)", "small", "", ""),
        ("set(uint256)", "owner", "", "no number"),
        ("set(address)", "owner", "", ""),
        ("set(address)", "price", "", "address"),
        ("set(bool)", "open", "", ""),
        ("set(bytes32)", "open", "", "bytes32|hex"),
        ("set(string)", "price", "", "Text is wanted|text"),
        ("set(uint256[])", "price", "", "list"),
    ],
)
def test_a_value_must_fit_where_it_goes_whatever_it_will_be(call: str, args: str, bounds: str, said: str) -> None:
    more = f"    bounds: {bounds}\n" if bounds else ""
    steps = act(call, f'["${{{{ steps.look.{args} }}}}"]', more)
    if not said:
        assert plan(steps).references
        return
    with pytest.raises(Invalid) as caught:
        plan(steps)
    assert caught.value.field == "steps.act"
    assert re.search(said, caught.value.message)


def test_values_inside_lists_of_arguments() -> None:
    found = plan(act("set(uint8[],uint256)", '[["${{ steps.look.small }}", 5], "${{ inputs.cap * 2 ** 200 }}"]'))
    step = found.step("act")
    assert step is not None
    call = step.params["calls"][0]["data"]
    assert call["args"] == [[{"$ref": "look.small"}, "5"], str(100 * 2**200)]
    assert resolve(call, {"look.small": "3"}).startswith("0x")


def test_bounds_stand_in_the_plan_whether_the_value_is_used_or_not() -> None:
    found = plan('    bounds: {price: {minimum: 1, maximum: "${{ inputs.cap * 3 }}"}}\n')
    (reference,) = found.references
    assert (reference.id, reference.rule) == ("look.price", "step:look.price")
    assert (reference.bounds.minimum, reference.bounds.maximum) == ("1", "300")
    assert check_value(reference, "300") == "300"
    with pytest.raises(ValueError, match="above the plan's maximum 300"):
        check_value(reference, "301")


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ("{price: {minimum: 5, maximum: 4}}", "at least 5 and at most 4"),
        ("{price: {max_length: 4}}", "is for text"),
        ("{owner: {minimum: 4}}", "are for numbers"),
        ('{price: {minimum: "${{ inputs.vault.name }}"}}', "is not a whole number"),
        ("{price: {minimum: many}}", "is not a whole number"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(bounds: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        plan(f"    bounds: {bounds}\n")


def test_the_longest_that_a_value_can_become_must_fit() -> None:
    """Lint knows it of what is written; only compiling knows how long an input is."""
    long = "${{ inputs.guardian.address }}" * 2
    assert plan(TELL.format(long + "${{ steps.look.open }}", "abc")).references
    with pytest.raises(Invalid, match="longer than 150 characters"):
        plan(TELL.format(long + "${{ steps.look.price }}", "abc"))


def test_an_address_that_a_step_yields_can_be_a_target() -> None:
    on = "{chain_id: 731337, address: '${{ steps.look.owner }}', name: The owner}"
    found = plan(f"""\
  - id: act
    safe: {{safe: "${{{{ inputs.guardian }}}}", title: Call it, calls: [{{on: {on}, call: poke()}}]}}
""")
    step = found.step("act")
    assert step is not None
    assert step.params["calls"][0]["to"] == {"$ref": "look.owner"}


def test_what_undoes_a_step_may_name_what_it_yielded() -> None:
    found = plan("""\
  - id: act
    manual: {instruction: Do it., evidence: text}
    bounds: {evidence: {max_length: 500}}
    rollback: {manual: {instruction: "Undo ${{ steps.act.evidence }}."}}
""")
    undo = found.step("act.rollback")
    assert undo is not None
    assert undo.params["instruction"] == {"$text": ["Undo ", {"$ref": "act.evidence"}, "."]}


def test_a_secret_stays_a_name() -> None:
    headers = {"Authorization": secret_mark("pager")}
    assert settle({"headers": headers}) == {"headers": {"Authorization": {"$secret": "pager"}}}
    assert resolve({"$secret": "pager"}, {}) == {"$secret": "pager"}
    assert references_in({"$secret": "pager"}) == []
    with pytest.raises(ValueError, match="only stand by itself"):
        settle(f"Bearer {secret_mark('pager')}")
    assert in_words(f"with {secret_mark('pager')}") == "with <pager>"


def test_an_unknown_secret_is_named_when_the_plan_is_made() -> None:
    steps = """\
  - id: page
    http:
      url: https://pager.example.org/alert
      method: POST
      headers: {Authorization: "${{ secrets.pager }}"}
      body: {price: "${{ steps.look.price }}", by: "${{ secrets.pager }}"}
"""
    given, inputs = HEAD + steps, {"vault": VAULT, "guardian": SAFE}
    found = compiled(given, inputs, replace(WORLD, secrets={"pager": ("pager.example.org",)})).step("page")
    assert found is not None
    assert found.params["headers"] == {"Authorization": {"$secret": "pager"}}
    assert found.params["body"] == {"price": {"$ref": "look.price"}, "by": {"$secret": "pager"}}
    with pytest.raises(Invalid, match="no secret is called pager"):
        compiled(given, inputs, replace(WORLD, secrets={}))
    with pytest.raises(Invalid, match=r"the secret pager may not be sent to pager\.example\.org, only to a\.example"):
        compiled(given, inputs, replace(WORLD, secrets={"pager": ("a.example",)}))


def test_a_plan_holds_no_other_forms() -> None:
    document = json.loads(plan(TELL.format("abc", "abc")).canonical())
    for odd in ({"$ref": "look.price", "more": 1}, {"$ref": 5}, {"$text": [5]}, {"$call": "f()"}, {"$eval": "1"}):
        document["steps"][0]["params"]["odd"] = odd
        with pytest.raises(ValueError, match=r"is not known|no reference"):
            Document.model_validate(document)


def test_calldata_wants_values_that_are_known_while_a_plan_is_compiled() -> None:
    found = Yields(known={"a.b": Output("uint256", maximum=9)}, used={})
    marked = mark("a.b", found.known["a.b"])
    with yields(found):
        assert calldata("f(uint8)", [marked])["$call"] == "f(uint8)"
    with pytest.raises(ValueError, match="f"):
        calldata("f(uint8)", [marked])


@given(st.recursive(st.text("ab\ue000\ue001 :", max_size=12) | st.integers() | st.none(), st.lists))
def test_any_text_settles_into_a_form_or_is_refused(value: Any) -> None:
    try:
        found = settle(value)
    except ValueError:
        return
    assert is_marked(value) or found == value


def test_a_name_from_outside_cannot_pass_for_a_value() -> None:
    forged = replace(WORLD.contracts[1], name="\ue000look.price\ue001")
    world = replace(WORLD, contracts=(WORLD.contracts[0], forged))
    with pytest.raises(Invalid, match="without meaning"):
        compiled(HEAD, {"vault": VAULT, "guardian": SAFE}, world)
