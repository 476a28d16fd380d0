"""Where somebody can be reached, told to those who need only know that they can be."""


def shielded(address: str) -> str:
    """`dana@makers.example` → `d…@makers.example`; anything else keeps its first two characters."""
    name, at, host = address.rpartition("@")
    return f"{name[:1]}…@{host}" if at else f"{address[:2]}…"
