"""Who is paged, in which order, and how long each is waited for."""
