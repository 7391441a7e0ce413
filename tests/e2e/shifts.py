"""How much of a page moved by itself, as the browser measures it: the sum of its layout shifts, without those that come
within half a second of what the visitor did.

    page.add_init_script(WATCH)
    ...
    assert moved(page) < MOST, told(page)
"""

from __future__ import annotations

from playwright.sync_api import Page

MOST = 0.1
"""What the web's own guideline calls good (web.dev/cls)."""

WATCH = """
window.trlShifts = [];
new PerformanceObserver((list) => {
  const name = (node) => (node?.nodeType === 1 ? node : node?.parentElement)?.closest("[id]")?.id || "?";
  for (const one of list.getEntries())
    if (!one.hadRecentInput)
      trlShifts.push({ value: one.value, at: Math.round(one.startTime),
        what: one.sources.map((from) => name(from.node)) });
}).observe({ type: "layout-shift", buffered: true });
"""


def moved(page: Page) -> float:
    """The sum of all shifts since the page was opened: 0.1 is a tenth of the window moved by its whole height."""
    return page.evaluate("trlShifts.reduce((sum, one) => sum + one.value, 0)")


def told(page: Page) -> str:
    """The shifts, one in a line."""
    return "\n".join(f"{one['value']:.3f} at {one['at']} ms: {one['what']}" for one in page.evaluate("trlShifts"))
