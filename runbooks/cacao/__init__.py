"""Playbooks for others: CACAO v2.0 (OASIS security playbooks) of a stored version, the same bytes every time."""
