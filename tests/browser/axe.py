"""Barriers in a page, as axe-core finds them."""

from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })"


def bring(context: BrowserContext, script: Path) -> None:
    """Give every page of the context the script; the browser runs it, the page's policy notwithstanding."""
    context.add_init_script(path=script)


def barriers(page: Page) -> list[str]:
    """Each rule that is broken, and where."""
    found: dict[str, Any] = page.evaluate(RUN, RULES)
    return [
        f"{broken['id']}: {broken['help']}: {node['html'][:200]} ({node['failureSummary']})"
        for broken in found["violations"]
        for node in broken["nodes"]
    ]
