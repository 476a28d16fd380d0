"""Chains: endpoints that may lie or die, heads that may be replaced, executor accounts and their transactions."""
