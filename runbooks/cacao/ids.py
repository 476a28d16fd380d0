"""Identifiers that are the same in every export of the same thing, and differ between two installations."""

import hashlib
import uuid
from dataclasses import dataclass

NAMESPACE = uuid.UUID("6f0d6c0e-5b0b-5f0a-9c51-3f1d1c8a7b2e")
"""Our own. The standard's is for identifiers made of a playbook's title, and ours keep theirs when it changes."""

EXTENSION = f"extension-definition--{uuid.uuid5(NAMESPACE, 'breakglass-steps-1')}"


@dataclass(frozen=True, slots=True)
class Ids:
    """`site` is the installation's address."""

    site: str

    def playbook(self, slug: str) -> str:
        return f"playbook--{self._fifth('playbook', slug)}"

    def identity(self, actor: str) -> str:
        return f"identity--{self._fifth('identity', actor)}"

    def part(self, kind: str, *names: str) -> str:
        """A step, an agent or a target. The standard wants version 4 for steps: here its 122 free bits are a hash's
        instead of a die's, so that exporting twice gives the same."""
        digest = hashlib.sha256("\0".join((str(NAMESPACE), self.site, kind, *names)).encode()).digest()
        return f"{kind}--{uuid.UUID(bytes=digest[:16], version=4)}"

    def _fifth(self, *names: str) -> uuid.UUID:
        return uuid.uuid5(NAMESPACE, "\0".join((self.site, *names)))
