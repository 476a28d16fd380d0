"""Ways to break the demo: a closed family, one file each.

`manage.py devnet fault <name>` turns one on, `… <name> clear` off.
"""

from integrations.devnet.faults.base import FAULTS, Fault, World

__all__ = ["FAULTS", "Fault", "World"]
