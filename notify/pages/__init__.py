"""Pages: they need an acknowledgement, and climb until they have one or their cause is gone."""
