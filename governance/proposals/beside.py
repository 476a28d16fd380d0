"""What rooms above show beside a proposal: they say so here, since governance knows none of them."""

from collections.abc import Callable

from django.utils.safestring import SafeString

from governance.proposals.models import Proposal

Draw = Callable[[Proposal], SafeString]
"""HTML of one panel, the same for everybody who may see the proposal; empty where there is nothing to say."""
_DRAWN: list[Draw] = []


def beside(draw: Draw) -> Draw:
    """Register a panel, in a room's `live.py`."""
    _DRAWN.append(draw)
    return draw


def panels(proposal: Proposal) -> list[SafeString]:
    return [html for draw in _DRAWN if (html := draw(proposal))]
