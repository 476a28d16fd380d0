"""“Next update by”: promised with a message, watched, kept by the next one."""
