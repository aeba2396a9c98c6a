"""Pages in a real browser: what axe and a ruler find on each, at the widths of a phone and of a desk."""

from typing import Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, ViewportSize

from tests.support.offices import Office, password_of

_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
DESK: Final[ViewportSize] = {"width": 1280, "height": 900}


class Looker:
    """Walks with a script-free policy lifted for axe alone, and keeps what it finds on each page."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.found: list[str] = []
        self.seen: list[str] = []

    def look(self, name: str) -> None:
        results = Axe().run(self.page, options={"runOnly": _RULES})
        assert results.response["passes"], "axe did not run"
        self.seen.append(name)
        self.found += [
            f"{name}: {each['id']}: {node['html'][:160]}"
            for each in results.response["violations"]
            for node in each["nodes"]
        ]
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            self.found.append(f"{name}: wider than the screen by {wide} px")
        small = self.page.evaluate(
            """[...document.querySelectorAll('button, select, summary, input:not([type=hidden]), .door, .phones a')]
            .filter(e => e.checkVisibility() && !['radio', 'checkbox'].includes(e.type))
            .filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 120))"""
        )
        self.found += [f"{name}: smaller than 44 px: {each}" for each in small]


def log_in(page: Page, office: Office, role: str) -> None:
    page.goto(f"{office.url}/petugas")
    page.fill("#username", role)
    page.fill("#password", password_of(role))
    page.press("#password", "Enter")
    page.wait_for_url("**/petugas/kasus")
