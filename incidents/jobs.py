"""Work of this room."""

from incidents.anchors.services import KIND, anchor
from incidents.inbound import silence
from incidents.incidents.flood import tell_together
from incidents.incidents.services import NUDGE, TELL, tell_later
from incidents.nudges.services import look
from incidents.status import publishing
from incidents.todo.services import REMIND, remind
from incidents.watch.lease import unwatched
from incidents.windows import services as windows
from notify.watching import withholds
from work import URGENT, Backoff, handler

handler(KIND, max_attempts=20)(anchor)
handler(silence.KIND, max_attempts=1000)(silence.look)
handler(windows.KIND, max_attempts=1000)(windows.lift)
handler(NUDGE, max_attempts=1000)(look)
handler(TELL, max_attempts=1000, queue=URGENT, crowd=True, together=tell_together, gathered=True)(tell_later)
handler(REMIND, max_attempts=1000)(remind)
handler(publishing.KIND, lease=5, longest=120, max_attempts=10**6, backoff=Backoff(base=1, cap=60))(publishing.publish)
withholds("watch_late", severity="SEV2")(unwatched)  # judged by others than those who watch
