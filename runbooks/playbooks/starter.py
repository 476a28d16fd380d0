"""What a new playbook begins with: a small one that is right, with the words that explain the rest."""

import re

STARTER = """\
# One page, read at 03:00 by somebody tired. docs/playbooks.md has every word of the language.
playbook: my-playbook              # its name for ever: lower-case letters, digits, -
title: What this answers
summary: >-
  What has happened, what this playbook does about it, and how we know that it worked.
when: []                           # the failure modes it answers, such as [stale-oracle]
impact: What it costs to run it.
targets: {detect: 30s, acknowledge: 5m, safe: 15m}

steps:
  - id: look
    title: Look before you touch
    text: What the person on duty should know, in plain words.
    manual:
      instruction: Compare the alert with a second source, and write down what you saw.
      evidence: text
    expect: 2m
    role: commander

  - id: settle
    title: Let it settle
    wait:
      duration: 1m
    expect: 1m
"""


def copy_of(yaml: str, slug: str) -> str:
    """The same text under another name."""
    return re.sub(rf"(?m)^(playbook:\s*)[\"']?{re.escape(slug)}[\"']?", rf"\g<1>{slug[:57]}-copy", yaml, count=1)
