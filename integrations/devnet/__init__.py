"""A local chain with the Safe contracts and the demo protocol on it, and the ways to break it."""
