"""Playbooks to rehearse on the devnet, and rehearsals taken here and now."""

from ledger.models import Scope
from runbooks.playbooks.services import save_version
from runbooks.rehearsals.models import Rehearsal
from runbooks.rehearsals.services import KIND, rehearse
from runbooks.runs.models import Run
from runbooks.runs.services import start_run
from tests.audiences import load_audiences
from tests.drain import settle
from tests.governance_world import World

HEAD = """\
playbook: {slug}
title: {title}
summary: Made for a rehearsal.
inputs:
  vault: {{type: contract, role: vault}}
  guardian: {{type: safe}}
steps:
"""
PAUSE = """\
  - id: pause
    title: Pause the vault
    safe:
      safe: ${{ inputs.guardian }}
      title: Pause the vault
      calls: [{on: "${{ inputs.vault }}", call: pause()}]
  - id: verify
    title: Prove that it is paused
    check:
      reads: {paused: {on: "${{ inputs.vault }}", call: paused() returns (bool)}}
      that: paused == true
  - id: breathe
    wait: {duration: 10m}
  - id: tell
    notify: {audience: stakeholders, subject: The vault is paused, text: Nothing is needed from you.}
"""
CHOICE = """\
  - id: judge
    title: Is this the feed, or the market?
    decide: {question: Has the feed been manipulated?, options: [watch, pause]}
  - id: pause
    if: steps.judge.choice == "pause"
    title: Pause the vault
    safe:
      safe: ${{ inputs.guardian }}
      title: Pause the vault
      calls: [{on: "${{ inputs.vault }}", call: pause()}]
    rollback:
      title: Open the vault again
      safe:
        safe: ${{ inputs.guardian }}
        title: Open the vault again
        calls: [{on: "${{ inputs.vault }}", call: unpause()}]
finally:
  - id: look
    title: Read how the vault stands
    check:
      reads: {paused: {on: "${{ inputs.vault }}", call: paused() returns (bool)}}
      that: paused == true or paused == false
"""
FORBIDDEN = """\
  - id: unpause
    title: Unpause without the right to
    safe:
      safe: ${{ inputs.guardian }}
      title: Unpause the vault
      calls: [{on: "${{ inputs.vault }}", call: unpause()}]
  - id: verify
    title: Prove that it runs
    check:
      reads: {paused: {on: "${{ inputs.vault }}", call: paused() returns (bool)}}
      that: paused == false
"""


def playbook(slug: str, title: str, steps: str) -> str:
    return HEAD.format(slug=slug, title=title) + steps


def held(
    helix: World,
    steps: str,
    *,
    slug: str = "rehearsed",
    actor: str = "user:1",
    scope: Scope | None = None,
    hold: bool = False,
) -> Run:
    """A run of these steps, as it stands right after its start."""
    load_audiences("system:test")
    version = save_version(yaml=playbook(slug, "Pause and tell", steps), actor=actor)
    inputs = {"vault": helix.vault.address, "guardian": helix.guardian.address}
    return start_run(playbook=version, inputs=inputs, scope=scope, actor=actor, protocol=helix.protocol, hold=hold)


def taken(run: Run, *, actor: str = "user:1") -> Rehearsal:
    """Asked for and taken."""
    asked = rehearse(run=run, actor=actor)
    settle(kinds=(KIND,))
    return Rehearsal.objects.get(pk=asked.pk)
