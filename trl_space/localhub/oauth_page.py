"""The pages a person sees when signing in: consent, device code, and what went wrong.

Plain HTML and one style sheet, no script. Everything in them that came from elsewhere is escaped.
"""

from __future__ import annotations

import sqlite3
from html import escape
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from .accounts import SCOPES
from .accounts_api import avatar_path
from .oauth_store import IDENTITY_SCOPES, Asking

# Ways to sign in with less than an app asks for, to see what it makes of that: a scope that is left out, or "short".
LIMITS = {
    "jobs": "Without the right to run jobs",
    "contribute-repos": "Without the right to create repositories",
    "read-repos": "Without the right to read private repositories",
    "gated-repos": "Without the right to read gated repositories",
    "read-billing": "Without saying whether I can pay",
    "short": "For ten minutes only",
}
SHORT_SECONDS = 600

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'",
}

_STYLE = """
:root { color-scheme: light dark; --page: #f7f5f2; --card: #fff; --ink: #1f2024; --soft: #5c5f68; --line: #dedbd5;
  --accent: #b45309; --accent-ink: #fff; --wash: #fdf3e4; }
@media (prefers-color-scheme: dark) { :root { --page: #17171a; --card: #212126; --ink: #f1efec; --soft: #a9abb4;
  --line: #393940; --accent: #fbbf24; --accent-ink: #231a04; --wash: #2e2a20; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px 16px; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 460px; background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 24px; }
h1 { margin: 0 0 4px; font-size: 22px; line-height: 1.3; overflow-wrap: anywhere; }
h2 { margin: 24px 0 8px; font-size: 14px; color: var(--soft); font-weight: 600; }
p { margin: 0; color: var(--soft); font-size: 14px; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; }
fieldset { border: 0; margin: 24px 0 0; padding: 0; min-width: 0; }
legend { padding: 0; margin: 0 0 8px; font-size: 14px; color: var(--soft); font-weight: 600; }
.scopes li { padding: 4px 0 4px 24px; position: relative; }
.scopes li::before { content: ""; position: absolute; left: 4px; top: 11px; width: 9px; height: 5px;
  border: solid var(--accent); border-width: 0 0 2px 2px; transform: rotate(-45deg); }
.account { border: 1px solid var(--line); border-radius: 12px; margin-bottom: 8px; }
.account:has(input[type=radio]:checked) { border-color: var(--accent); background: var(--wash); }
.account > label { display: flex; align-items: center; gap: 12px; padding: 8px 12px; min-height: 56px;
  cursor: pointer; }
.account img { width: 36px; height: 36px; flex: none; }
.account b { display: block; font-weight: 600; }
.account small { color: var(--soft); font-size: 14px; }
.orgs { display: none; padding: 0 12px 4px 91px; }
.account:has(input[type=radio]:checked) .orgs { display: block; }
.orgs label { display: flex; align-items: center; gap: 8px; min-height: 44px; cursor: pointer; }
input[type=radio], input[type=checkbox] { accent-color: var(--accent); width: 18px; height: 18px; flex: none;
  margin: 0; }
details { margin-top: 8px; }
summary { line-height: 44px; color: var(--soft); font-size: 14px; cursor: pointer; }
.limits label { display: flex; align-items: center; gap: 8px; min-height: 44px; cursor: pointer; }
input[type=text] { width: 100%; min-height: 44px; padding: 8px 12px; font: inherit; letter-spacing: .1em;
  color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 12px; margin-top: 16px; }
.buttons { display: flex; gap: 12px; margin-top: 24px; }
button { flex: 1; min-height: 44px; border-radius: 12px; border: 1px solid var(--line); background: transparent;
  color: var(--ink); font: inherit; font-weight: 600; cursor: pointer; }
button.main { border-color: var(--accent); background: var(--accent); color: var(--accent-ink); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
footer { margin-top: 16px; }
"""


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>",
        status,
        headers=_HEADERS,
    )


def problem(title: str, text: str, status: int = 400) -> HTMLResponse:
    """A page with one message."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text[:300])}</p>", status)


def device_code(text: str = "") -> HTMLResponse:
    """The page that asks for the code a device shows."""
    note = f'<p role="alert">{escape(text)}</p>' if text else ""
    return _page(
        "Sign in on a device",
        "<h1>Sign in on a device</h1><p>Type the code that it shows.</p>" + note + '<form method="get">'
        '<input type="text" name="user_code" aria-label="Code" autocomplete="off" autofocus required maxlength="20">'
        '<div class="buttons"><button class="main">Continue</button></div></form>',
    )


def consent(
    asking: Asking,
    ticket: str,
    users: list[sqlite3.Row],
    memberships: dict[str, list[sqlite3.Row]],
    last: str,
) -> HTMLResponse:
    """The page on which a person chooses an account and agrees to the scopes, or not.

    Args:
        ticket: what the answer has to bring back; without it nobody else's page can answer for this person.
        memberships: organisations (account rows) by user name in lower case.
        last: the account chosen the last time, chosen again now.
    """
    name = asking.client.name
    if not users:
        return problem("Nobody can sign in yet.", "Start the Hub with --user NAME:TOKEN to add an account.", 200)
    wants = "".join(f"<li>{escape(SCOPES[scope])}</li>" for scope in asking.scopes)
    chosen = next((user["name"] for user in users if user["name"].lower() == last.lower()), users[0]["name"])
    acts = not set(asking.scopes) <= IDENTITY_SCOPES
    offered = {name: words for name, words in LIMITS.items() if acts and name in (*asking.scopes, "short")}
    ticks = "".join(
        f'<label><input type="checkbox" name="limit" value="{name}"> {words}</label>' for name, words in offered.items()
    )
    limits = f'<details><summary>Try a lesser sign-in</summary><div class="limits">{ticks}</div></details>'
    rows = "".join(
        _account(user, user["name"] == chosen, memberships.get(user["name"].lower(), []) if acts else [], asking)
        for user in users
    )
    where = urlsplit(asking.redirect_uri).netloc
    target = f"You will be sent to {where}." if where else "You will go on at the device that showed the code."
    return _page(
        f"Sign in to {name}",
        f"<h1>Sign in to {escape(name)}</h1><p>{escape(target)}</p>"
        f'<h2 id="wants">It would be allowed to</h2><ul class="scopes" aria-labelledby="wants">{wants}</ul>'
        '<form method="post" action="/oauth/consent">'
        f'<input type="hidden" name="ticket" value="{escape(ticket)}">'
        f"<fieldset><legend>Sign in as</legend>{rows}</fieldset>{limits if offered else ''}"
        '<div class="buttons"><button name="decision" value="deny" formnovalidate>Deny</button>'
        '<button class="main" name="decision" value="allow">Allow</button></div></form>'
        "<footer><p>A Hub on this computer: its accounts need no password.</p></footer>",
    )


def _account(user: sqlite3.Row, checked: bool, orgs: list[sqlite3.Row], asking: Asking) -> str:
    name = escape(user["name"])
    ticks = "".join(
        f'<label><input type="checkbox" name="org" value="{name}/{escape(org["name"])}"'
        f"{' checked' if org['id'] in asking.org_ids else ''}> Also for {escape(org['fullname'])}</label>"
        for org in orgs
    )
    ticks = f'<div class="orgs">{ticks}</div>' if ticks else ""
    return (
        f'<div class="account" data-account="{name}"><label><input type="radio" name="account" value="{name}" '
        f"required{' checked' if checked else ''}>"
        f'<img src="{avatar_path(user["name"])}" alt=""><span><b>{escape(user["fullname"])}</b>'
        f"<small>{name}</small></span></label>{ticks}</div>"
    )
