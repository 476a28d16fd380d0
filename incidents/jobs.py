"""Work of this room."""

from incidents.anchors.services import KIND, anchor
from work import handler

handler(KIND, max_attempts=20)(anchor)
