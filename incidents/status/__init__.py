"""What the public is shown of us, here and on a copy that outlives us."""
