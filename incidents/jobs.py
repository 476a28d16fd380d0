"""Work of this room."""

from incidents.anchors.services import KIND, anchor
from incidents.inbound import silence
from incidents.incidents.services import NUDGE
from incidents.nudges.services import look
from incidents.todo.services import REMIND, remind
from incidents.windows import services as windows
from work import handler

handler(KIND, max_attempts=20)(anchor)
handler(silence.KIND, max_attempts=1000)(silence.look)
handler(windows.KIND, max_attempts=1000)(windows.lift)
handler(NUDGE, max_attempts=1000)(look)
handler(REMIND, max_attempts=1000)(remind)
