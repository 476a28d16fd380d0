"""What the demo shows of the outside."""

from integrations.chain import demo as chain_demo


def load(actor: str) -> None:
    chain_demo.load(actor)
