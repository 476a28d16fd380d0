"""The page in the shapes it is read in: status.json, an Atom feed, and the page itself for the copy."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from incidents.status.components import Part, State
from incidents.status.document import Line, Matter, Page

CSS = settings.BASE_DIR / "static" / "css"
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # not even escaped
SHEETS = ("layers.css", "reset.css", "tokens.css", "base.css", "rooms/status.css")


def as_json(page: Page, **known: Any) -> dict[str, Any]:
    """For other people's programs: plain, and stable in its names."""
    return {
        "version": 1,
        "name": page.name,
        "url": settings.STATUS_URL,
        **_state(page.state),
        **known,
        "components": [
            {"protocol": group.whole.name, **_part(part)}
            for group in page.groups
            for part in (group.whole, *group.parts)
        ],
        "open": [_matter(one) for one in page.matters],
        "past": [_matter(one) for one in page.past],
        "notes": [_line(one) for one in page.notes],
        "if_our_interface_is_down": page.guidance,
    }


def _state(state: State, words: str = "") -> dict[str, str]:
    return {"state": state.slug, "label": state.label, "words": words or state.words}


def _part(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {"name": part.name, **_state(part.state, part.words), "since": _iso(part.since)}
    return {**found, "address": part.address, "chain_id": part.chain_id} if part.address else found


def _matter(matter: Matter) -> dict[str, Any]:
    return {
        "id": matter.anchor,
        "title": matter.title,
        "protocol": matter.protocol,
        **_state(matter.state),
        "began": _iso(matter.began),
        "ended": _iso(matter.ended),
        "next_update_by": _iso(matter.next_update_by),
        "next_update_late": matter.late,
        "lines": [_line(line) for line in matter.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": line.anchor,
        "at": _iso(line.at),
        "kind": line.kind,
        "title": line.title,
        "text": line.text,
        "corrects": line.corrects.anchor if line.corrects else None,
        "corrected_by": [other.anchor for other in line.corrected_by],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def as_text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)


def as_feed(page: Page, at: datetime) -> str:
    """Every line an entry; a reader is told of each once, by its id."""
    lines = page.lines[:50]
    context = {"page": page, "lines": lines, "at": lines[0].at if lines else at, "url": settings.STATUS_URL}
    return NOT_IN_XML.sub("\ufffd", render_to_string("incidents/status/feed.xml", context))


def as_page(page: Page, at: datetime) -> str:
    """The copy's own page: no script, one sheet, a mark where its server says how old it is."""
    context = {"page": page, "at": at, "desk": settings.PUBLIC_URL}
    return render_to_string("incidents/status/copy.html", context)


def sheet() -> str:
    """The house's own tokens and the page's own rules, in one small file."""
    return "".join((CSS / name).read_text(encoding="utf-8") for name in SHEETS)
