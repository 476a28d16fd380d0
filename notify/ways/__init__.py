"""A person's own ways to be told: theirs to add, to try out and to remove, and nobody else's to see."""
