"""What the pages are made of: marks, grouped numbers, identicons, forms. `docs/look.md` shows how to use them."""
