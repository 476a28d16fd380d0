"""What a service raises; views and the API turn these into clear answers."""


class Invalid(Exception):
    """Bad input: which field, what was wrong, what would be right."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message, self.hint = field, message, hint


class Refused(Exception):
    """A rule of the house says no; nothing was changed."""

    def __init__(self, message: str, hint: str = "", code: str = "refused") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


class StaleTransition(Refused):
    """Somebody else moved it first, or it cannot go there from where it is."""

    def __init__(self, message: str, hint: str = "reload and look again") -> None:
        super().__init__(message, hint, "stale-transition")
