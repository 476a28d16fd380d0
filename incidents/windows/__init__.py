"""Maintenance windows: alerts that are expected open no incident and page nobody, until the window ends by itself."""
