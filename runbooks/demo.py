"""The demo's playbooks: the whole library."""

from runbooks.playbooks.services import load_library


def load(actor: str) -> None:
    load_library(actor=actor)
