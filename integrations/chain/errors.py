"""What can go wrong between us and a node, as types: nobody answered, the node said no, the nodes disagree."""

from collections.abc import Mapping


class RpcError(Exception):
    """Any failure of a call to a chain."""


class RpcUnavailable(RpcError):
    """No endpoint gave a usable answer; `reasons` says which one failed how (hosts only, never a URL with its key)."""

    def __init__(self, message: str, reasons: Mapping[str, str] | None = None) -> None:
        self.reasons = dict(reasons or {})
        details = "; ".join(f"{name}: {reason}" for name, reason in self.reasons.items())
        super().__init__(f"{message} ({details})" if details else message)


class WrongChain(RpcUnavailable):
    """An endpoint serves another chain than the one it is registered for: it is not used at all."""


class RpcRefused(RpcError):
    """A node answered with an error: a revert, bad parameters, a transaction it will not take."""

    def __init__(self, message: str, *, code: int = 0, data: bytes = b"", endpoint: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.data, self.endpoint = message, code, data, endpoint

    @property
    def reverted(self) -> bool:
        """Whether the call itself was run and reverted."""
        return self.code == 3 or bool(self.data) or "revert" in self.message.lower()


class Disagreement(RpcError):
    """Endpoints answered differently; `answers` lists who said what."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = dict(answers)
        super().__init__("; ".join(f"{name} says {answer}" for name, answer in self.answers.items()))
