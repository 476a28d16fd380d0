"""Work of this room."""

from incidents.anchors.services import KIND, anchor
from incidents.inbound import silence
from incidents.windows import services as windows
from work import handler

handler(KIND, max_attempts=20)(anchor)
handler(silence.KIND, max_attempts=1000)(silence.look)
handler(windows.KIND, max_attempts=1000)(windows.lift)
