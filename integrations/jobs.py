"""Work that is done outside the walls."""

from integrations.chain.transactions.services import KIND
from integrations.chain.transactions.turns import ended_badly, take_turn
from work import handler

handler(KIND, lease=4, longest=90, max_attempts=50, on_end=ended_badly)(take_turn)
