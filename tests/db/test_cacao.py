"""Playbooks as CACAO v2.0: of the right shape, the same bytes each time, without secrets."""

import base64
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from governance.protocols.models import FailureMode, Protocol
from runbooks.cacao.document import cacao_bytes, cacao_of
from runbooks.cacao.extension import extension_schema
from runbooks.cacao.ids import EXTENSION
from runbooks.playbooks.models import PlaybookVersion
from runbooks.playbooks.services import LIBRARY, save_version
from tests.cacao_shape import wrong_with
from tests.people import browser_of, caller, person

pytestmark = pytest.mark.django_db

EVERYTHING = """\
playbook: everything
title: Everything in one
summary: Looks, asks and acts, so that every kind of step is exported.
when: [stale-oracle]
impact: Nothing; it is for looking at.
targets: {detect: 30s, safe: 15m}
approval: {required: 2, role: commander, needs: passkey}
inputs:
  vault: {type: contract, role: vault, title: Vault}
  much: {type: uint256, default: 7}
steps:
  - id: look
    title: Look at ${{ inputs.vault.name }}
    manual: {instruction: "Look at ${{ inputs.vault }}.", evidence: text}
    role: responder
  - {id: agree, approve: {question: Shall we go on?, required: 2, role: commander}}
  - {id: left, manual: {instruction: Ask., evidence: none}, needs: agree, on_failure: last}
  - {id: right, wait: {duration: 1m}, needs: agree, on_failure: continue}
  - id: call
    http:
      method: POST
      url: https://hooks.example.org/x?token=abc123&page=1
      headers: {Authorization: Bearer letmein, X-Hook: "${{ secrets.hook }}", Accept: text/plain}
      body: {password: hunter2, much: "${{ inputs.much }}"}
      extract: {ticket: {path: ticket, type: text}}
    needs: right
    rollback: {http: {method: DELETE, url: "https://10.0.0.1:8443/x"}, title: Take it back}
  - {id: way, decide: {question: Which way?, options: [pause, watch]}, needs: [left, call]}
  - id: both
    parallel:
      steps:
        - {id: one, wait: {duration: 1s}}
        - {id: two, wait: {duration: 1s}}
        - {id: three, wait: {duration: 1s}, needs: one}
  - id: big
    if:
      that: inputs.much > 5
      then:
        - {id: deep, manual: {instruction: "Write down ${{ steps.call.ticket }}.", evidence: none}}
      else:
        - {id: flat, wait: {duration: 1s}}
        - {id: flatter, wait: {duration: 1s}}
  - id: which
    switch:
      on: steps.way.choice
      cases:
        pause: [{id: paused, manual: {instruction: Pause., evidence: none}}]
      default: [{id: watched, manual: {instruction: Watch., evidence: none}}]
  - id: last
    wait: {duration: 1s}
    if: inputs.much > 3 and not (run.environment == "drill")
    needs: [which, call]
    marks: contained
    on_failure: rollback
finally:
  - {id: tidy, manual: {instruction: Tidy up., evidence: none}}
"""


def exported(yaml: str, **more: Any) -> dict[str, Any]:
    version = save_version(yaml=yaml, actor="user:1", **more)
    return cacao_of(version)


def step(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The action that stands for a step."""
    found = [
        one
        for one in document["workflow"].values()
        if one.get("step_extensions", {}).get(EXTENSION, {}).get("id") == name
    ]
    assert len(found) == 1, name
    return dict(found[0])


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_library_has_the_right_shape(path: Path) -> None:
    document = exported(path.read_text(encoding="utf-8"))
    assert wrong_with(document, extension_schema()) == []


def test_everything_has_the_right_shape() -> None:
    document = exported(EVERYTHING)
    assert wrong_with(document, extension_schema()) == []
    workflow = document["workflow"]
    assert step(document, "look")["name"] == "Look at __vault-name__:value"
    assert step(document, "look")["commands"] == [{"type": "manual", "command": "Look at __vault__:value."}]
    assert step(document, "left")["on_failure"] != step(document, "left")["on_success"]
    guard = workflow[step(document, "left")["on_failure"]]
    assert guard["condition"] == "(__much__:value > 3 AND NOT (__run-environment__:value == 'drill'))"
    assert step(document, "right")["delay"] == 60_000
    last = step(document, "last")
    assert workflow[guard["on_true"]] == last
    undo = step(document, "call.rollback")
    assert workflow[last["on_failure"]] == undo
    assert workflow[undo["on_success"]] == step(document, "tidy")
    assert workflow[step(document, "call")["step_extensions"][EXTENSION]["undo"]] == undo
    assert document["target_definitions"][undo["targets"][0]]["address"] == {"ipv4": ["10.0.0.1"]}
    assert step(document, "call")["out_args"] == ["__steps-call-ticket__"]
    assert step(document, "deep")["in_args"] == ["__steps-call-ticket__"]
    assert document["playbook_variables"]["__much__"]["value"] == "7"
    assert document["playbook_extensions"][EXTENSION]["targets"] == {"detect": "30s", "safe": "15m"}


def test_branches_keep_their_shape() -> None:
    document = exported(EVERYTHING)
    workflow = document["workflow"]
    both, big, which = (step(document, name) for name in ("both", "big", "which"))
    assert [workflow[name]["type"] for name in both["next_steps"]] == ["action", "action"]
    one, two = (workflow[name] for name in both["next_steps"])
    assert workflow[one["on_success"]] == step(document, "three")
    assert workflow[two["on_success"]]["type"] == "end"
    assert workflow[both["on_completion"]] == big
    assert big["condition"] == "__much__:value > 5"
    assert workflow[big["on_true"]] == step(document, "deep")
    assert workflow[workflow[big["on_false"]]["on_success"]] == step(document, "flatter")
    assert workflow[big["on_completion"]] == which
    assert which["switch"] == "__steps-way-choice__:value"
    assert {case: workflow[name]["name"] for case, name in which["cases"].items()} == {
        "pause": "paused",
        "default": "watched",
    }
    summary = document["playbook_processing_summary"]
    assert summary["parallel_processing"] and summary["if_logic"] and summary["switch_logic"]


def test_another_playbook_is_named() -> None:
    other = exported(EVERYTHING)
    using = (
        "playbook: using\ntitle: Using another\nsummary: Uses another playbook's steps.\ninputs:\n"
        "  vault: {type: contract, role: vault}\nsteps:\n"
        '  - id: rest\n    playbook: {use: everything, inputs: {vault: "${{ inputs.vault }}"}}\n'
    )
    document = exported(using)
    assert wrong_with(document, extension_schema()) == []
    action = step(document, "rest")
    assert (action["type"], action["playbook_id"]) == ("playbook-action", other["id"])
    assert action["in_args"] == ["__vault__"]


def test_secrets_stay_here() -> None:
    document = exported(EVERYTHING)
    text = json.dumps(document)
    call = step(document, "call")["commands"][0]
    body = base64.b64decode(call["content_b64"]).decode()
    for word in ("letmein", "hunter2", "abc123"):
        assert word not in text
        assert word not in body
    assert call["command"] == "POST /x?token=__secrets-token__:value&page=1 HTTP/1.1"
    assert call["headers"]["Authorization"] == ["__secrets-authorization__:value"]
    assert call["headers"]["X-Hook"] == ["__secrets-hook__:value"]
    assert call["headers"]["Accept"] == ["text/plain"]
    assert "value" not in document["playbook_variables"]["__secrets-password__"]


def test_the_same_version_gives_the_same_bytes_and_the_next_keeps_the_identifiers() -> None:
    first = save_version(yaml=EVERYTHING, actor="user:1")
    assert cacao_bytes(first) == cacao_bytes(PlaybookVersion.objects.get())
    later = exported(EVERYTHING.replace("Tidy up.", "Tidy up well."))
    before = cacao_of(first)
    assert (later["id"], later["created"]) == (before["id"], before["created"])
    assert set(later["workflow"]) == set(before["workflow"])
    assert later["modified"] >= before["modified"]


def test_severity_comes_from_the_risk_register() -> None:
    assert "severity" not in exported(EVERYTHING)
    protocol = Protocol.objects.create(slug="helix", name="Helix")
    FailureMode.objects.create(
        protocol=protocol, slug="stale-oracle", title="Stale", category="oracle", likelihood=3, impact=4
    )
    assert exported(EVERYTHING)["severity"] == 80


def test_the_shape_finds_what_is_wrong() -> None:
    """The judge itself: each broken copy is refused."""
    document = exported(EVERYTHING)
    schema = extension_schema()
    text = json.dumps(document)
    end = next(name for name in document["workflow"] if name.startswith("end--"))
    broken = [
        text.replace('"cacao-2.0"', '"cacao-1.0"'),
        text.replace('"type": "manual"', '"type": "by hand"', 1),
        text.replace("__vault__:value", "x").replace('"__vault__": {', '"vault": {', 1),
        text.replace(f'"{end}": {{', f'"{end[:-1]}{"0" if end[-1] != "0" else "1"}": {{', 1),
        text.replace('"phase": "main"', '"phase": "later"', 1),
        text.replace('"on_completion"', '"on_completed"', 1),
    ]
    for copy in broken:
        assert copy != text
        assert wrong_with(json.loads(copy), schema), copy[:80]


def test_page_api_and_command_give_the_same() -> None:
    version = save_version(yaml=EVERYTHING, actor="user:1")
    viewer = person()
    page = browser_of(viewer).get("/runbooks/playbooks/everything/versions/1/cacao/")
    assert page.headers["Content-Disposition"] == 'attachment; filename="everything-v1.cacao.json"'
    api = caller(viewer).get("/api/v1/playbooks/everything/cacao/?version=1")
    out = StringIO()
    call_command("playbook", "export", "everything", "--format", "cacao", stdout=out)
    assert page.content == api.content == out.getvalue().encode() == cacao_bytes(version)
    assert browser_of(viewer).get("/runbooks/playbooks/everything/versions/2/cacao/").status_code == 404
    assert caller(viewer).get("/api/v1/playbooks/everything/cacao/?version=two").status_code == 400
    with pytest.raises(CommandError):
        call_command("playbook", "export", "nothing", "--format", "cacao")
