"""Writing to people outside from an incident: which letter, what the incident knows already, preview, asking."""
