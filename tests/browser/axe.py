"""axe-core in a world of its own inside the page: no script of ours sees it, and no CSP has to be bypassed."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

SOURCE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@cache
def _source() -> str:
    return SOURCE.read_text()


class Axe:
    """`Axe(page).violations()`; made anew after every load."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        frame = self._session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = self._session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
        self._world: int = world["executionContextId"]
        self._evaluate(_source() + ";undefined")

    def violations(self, *rules: str) -> list[str]:
        """Every rule (with the size of targets, which is off by default), or only these; style sheets are not fetched
        anew, since no rule of these reads them."""
        options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        else:
            options["rules"] = {"target-size": {"enabled": True}}
        found = self._evaluate(f"axe.run(document, {json.dumps(options)}).then(r => r.violations)")
        return [
            f"{violation['id']}: {violation['help']}: {node['target']} {node['html'][:160]} {node['failureSummary']}"
            for violation in found
            for node in violation["nodes"][:4]
        ]

    def _evaluate(self, expression: str) -> Any:
        answer = self._session.send(
            "Runtime.evaluate",
            {"expression": expression, "contextId": self._world, "awaitPromise": True, "returnByValue": True},
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")
