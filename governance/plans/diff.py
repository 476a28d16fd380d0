"""What differs between two plan documents, path by path, for the people who approve the second."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Change:
    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


def _by_id(value: Any) -> dict[str, Any] | None:
    """A list of things with ids is compared by id, so that an inserted step does not shift all that follow."""
    if isinstance(value, list) and value and all(isinstance(item, dict) and "id" in item for item in value):
        found = {str(item["id"]): item for item in value}
        return found if len(found) == len(value) else None
    return None


def _children(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return {f".{key}": item for key, item in value.items()}
    named = _by_id(value)
    if named is not None:
        return {f"[{key}]": item for key, item in named.items()}
    if isinstance(value, list):
        return {f"[{index}]": item for index, item in enumerate(value)}
    return None


def diff(before: Any, after: Any, path: str = "") -> list[Change]:
    """All changes, in reading order. The same documents give an empty list."""
    old, new = _children(before), _children(after)
    if old is None or new is None or type(before) is not type(after):
        same = before == after and type(before) is type(after)  # True is not 1 here
        return [] if same else [Change(path or "$", "changed", before, after)]
    changes: list[Change] = []
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in new:
            changes.append(Change(path + key, "removed", before=old[key]))
        elif key not in old:
            changes.append(Change(path + key, "added", after=new[key]))
        else:
            changes.extend(diff(old[key], new[key], path + key))
    shared = [key for key in old if key in new]
    if _by_id(before) is not None and shared != [key for key in new if key in old]:
        changes.append(Change(f"{path} (order)", "changed", list(old), list(new)))
    return changes
