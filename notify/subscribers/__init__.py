"""Readers of the status page who asked to be told by mail or by webhook, and who said yes to that twice."""
