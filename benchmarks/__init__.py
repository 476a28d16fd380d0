"""Figures, measured on real parts. `make bench` prints one JSON line for each."""
