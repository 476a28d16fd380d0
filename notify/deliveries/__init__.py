"""How each copy of a message fared."""
