"""The pages a person sees: a repository with its card, its facts and its files.

Plain HTML and one style sheet, no script, nothing from other hosts. What a repository says about itself comes
from strangers: the card is rendered with HTML switched off, everything else is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ..browser import remember
from ..errors import HubError
from . import access, blobs, store, trees
from .derive import body_of
from .routing import Call, site
from .store import Commit, Repo
from .trees import File

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}
_STYLE = """
:root { color-scheme: light dark; --page: #f7f5f2; --card: #fff; --ink: #1f2024; --soft: #5c5f68; --line: #dedbd5;
  --accent: #b45309; --accent-ink: #fff; --wash: #fdf3e4; }
@media (prefers-color-scheme: dark) { :root { --page: #17171a; --card: #212126; --ink: #f1efec; --soft: #a9abb4;
  --line: #393940; --accent: #fbbf24; --accent-ink: #231a04; --wash: #2e2a20; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.6 system-ui, sans-serif; }
main, header { max-width: 1120px; margin: 0 auto; padding: 24px 16px; }
header { padding-bottom: 0; }
h1 { margin: 0; font-size: 26px; line-height: 1.3; overflow-wrap: anywhere; }
h1 span { color: var(--soft); font-weight: 400; }
.kind { color: var(--soft); font-size: 14px; margin: 0 0 4px; }
.tags { list-style: none; display: flex; flex-wrap: wrap; gap: 8px; margin: 12px 0 0; padding: 0; font-size: 14px; }
.tags li { border: 1px solid var(--line); border-radius: 12px; padding: 0 8px; background: var(--card);
  overflow-wrap: anywhere; }
.tags .mark { background: var(--wash); border-color: var(--accent); }
main { display: grid; grid-template-columns: minmax(0, 1fr) 320px; gap: 24px; align-items: start; }
@media (max-width: 820px) { main { grid-template-columns: minmax(0, 1fr); } }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 24px; min-width: 0; }
aside { display: grid; gap: 24px; min-width: 0; }
aside section { padding: 16px; font-size: 14px; }
h2 { margin: 0 0 8px; font-size: 16px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 12px; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; text-align: right; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }
.files { list-style: none; margin: 0; padding: 0; }
.files li { display: flex; justify-content: space-between; gap: 12px; padding: 4px 0;
  border-top: 1px solid var(--line); }
.files li:first-child { border: 0; }
.files a { overflow-wrap: anywhere; } .files small { color: var(--soft); white-space: nowrap; font-size: 14px;
  font-variant-numeric: tabular-nums; }
a { color: var(--accent); }
.card { overflow-wrap: anywhere; } .card > :first-child { margin-top: 0; }
.card h1 { font-size: 24px; } .card h2 { font-size: 20px; margin-top: 24px; } .card h3 { font-size: 17px; }
.card img { max-width: 100%; } .card table { border-collapse: collapse; display: block; overflow-x: auto; }
.card td, .card th { border: 1px solid var(--line); padding: 4px 8px; text-align: left; }
.card .badge { border: 1px solid var(--line); border-radius: 12px; padding: 0 8px; background: var(--wash); }
.card pre { background: var(--page); border: 1px solid var(--line); border-radius: 12px; padding: 12px;
  overflow-x: auto; } code { font: 14px/1.5 ui-monospace, monospace; }
.empty { color: var(--soft); }
form { margin: 12px 0 0; display: flex; flex-wrap: wrap; gap: 8px; }
button { min-height: 44px; padding: 0 16px; border-radius: 12px; border: 1px solid var(--accent); font: inherit;
  font-weight: 600; background: var(--accent); color: var(--accent-ink); cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""
_MOST_FILES = 300
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


def _picture(self: RendererHTML, tokens: Sequence[Token], number: int, options: OptionsDict, env: EnvType) -> str:
    """A picture of a card. Those of other hosts are not loaded here, so their words stand in their place."""
    if str(tokens[number].attrGet("src") or "").startswith(("https:", "http:", "//")):
        return f'<span class="badge">{escape(tokens[number].content)}</span>'
    return self.image(tokens, number, options, env)


_markdown.add_render_rule("image", _picture)


@site("GET", "")
def page(call: Call) -> Response:
    """A repository's page; a form to choose an account where it needs one."""
    if call.id.count("/") != 1:
        raise HubError(404, "Sorry, we can't find the page you are looking for.")
    try:
        repo = call.repo
    except HubError as error:
        return closed(call, error)
    commit = store.resolve(call.hub, repo, "main")
    body = (
        f"<header>{headline(repo)}</header><main>"
        f'<section class="card" id="card">{_card(call, repo, commit)}</section>'
        f"<aside>{_gate(call, repo)}{_facts(repo)}{_files(call, repo, commit)}</aside></main>"
    )
    return html(repo.id, body)


@site("GET", "tree")
def tree_page(call: Call) -> Response:
    return RedirectResponse(f"/{call.repo.prefix}{quote(call.repo.id)}", 302)


@site("GET", "blob")
def blob_page(call: Call) -> Response:
    """A file's page is the file itself."""
    revision, path = call.revision_and_path()
    repo = call.repo
    return RedirectResponse(f"/{repo.prefix}{quote(repo.id)}/resolve/{quote(revision, safe='')}/{quote(path)}", 302)


@site("GET", "commit")
def commit_page(call: Call) -> Response:
    return tree_page(call)


@site("POST", "open-as")
def open_as(call: Call) -> Response:
    """Go on as one of this Hub's accounts, chosen by hand: there are no passwords here."""
    names = [value for name, value in call.form() if name == "account"]
    row = (
        call.hub.read()
        .execute("SELECT name FROM accounts WHERE type = 'user' AND name = ?", (names[0] if names else "",))
        .fetchone()
    )
    if row is None:
        raise HubError(400, "No such account")
    response = RedirectResponse(f"/{'' if call.type == 'model' else call.type + 's/'}{quote(call.id)}", 303)
    remember(response, call.hub, row["name"])
    return response


def html(title: str, body: str, status: int = 200) -> HTMLResponse:
    """A whole page with this content."""
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>",
        status,
        headers=_HEADERS,
    )


def closed(call: Call, error: HubError) -> Response:
    """Not there, or not for this account: which of them it is is not said."""
    path = f"/{'' if call.type == 'model' else call.type + 's/'}{quote(call.id)}"
    who = call.who
    text = "There is no such repository, or it is private."
    if who is not None:
        text += f" You are looking as {who.name}."
    users = call.hub.read().execute("SELECT name FROM accounts WHERE type = 'user' ORDER BY rowid LIMIT 12")
    others = [row["name"] for row in users if who is None or row["name"] != who.name]
    body = f"<main><section><h1>{escape(call.id[:120])}</h1><p>{escape(text)}</p>"
    return html("Not found", f"{body}{_choose(path, others)}</section></main>", error.status)


def _choose(path: str, names: list[str]) -> str:
    if not names:
        return ""
    buttons = "".join(
        f'<button name="account" value="{escape(name, quote=True)}">Open as {escape(name)}</button>' for name in names
    )
    return f'<form method="post" action="{escape(path, quote=True)}/open-as">{buttons}</form>'


def headline(repo: Repo) -> str:
    """What a repository or bucket is called, and what marks it."""
    namespace, name = repo.id.split("/", 1)
    marks = ["private"] if repo.private else []
    marks += [f"gated ({repo.gated})"] if repo.gated else []
    tags = json.loads(repo.row["tags"])
    items = "".join(f'<li class="mark">{escape(mark)}</li>' for mark in marks)
    items += "".join(f"<li>{escape(tag)}</li>" for tag in tags if tag != "region:us")
    return (
        f'<p class="kind">{repo.type.capitalize()}</p><h1><span>{escape(namespace)}/</span><wbr>{escape(name)}</h1>'
        + (f'<ul class="tags" aria-label="Tags">{items}</ul>' if items else "")
    )


def _card(call: Call, repo: Repo, commit: Commit | None) -> str:
    file = trees.find(call.hub.read(), commit.tree, "README.md") if commit else None
    if not isinstance(file, File) or file.size > 4 << 20:
        return '<p class="empty">This repository has no card.</p>'
    text = body_of(blobs.path_of(call.hub, file.sha256).read_text("utf-8", "replace"))
    return _markdown.render(text) or '<p class="empty">The card is empty.</p>'


def _gate(call: Call, repo: Repo) -> str:
    """Where the reader stands with a gated repository, and the button to ask."""
    if not repo.gated:
        return ""
    path = f"/{repo.prefix}{quote(repo.id)}"
    try:
        access.readable(call.hub, call.who, repo)
        text, action = "You have access to this repository's files.", ""
    except HubError as error:
        text = error.message
        asked = call.who is not None and access.request_of(call.hub, repo, call.who.name) is not None
        if call.who is None:
            users = call.hub.read().execute("SELECT name FROM accounts WHERE type = 'user' ORDER BY rowid LIMIT 12")
            action = _choose(path, [row["name"] for row in users])
        else:
            action = f'<form method="post" action="{path}/ask-access"><button>Agree and ask for access</button></form>'
            action = "" if asked else action
    return f"<section><h2>Gated</h2>{escape(text)}{action}</section>"


def _facts(repo: Repo) -> str:
    row = repo.row
    facts = {
        "Updated": row["modified_at"][:16].replace("T", " "),
        "Downloads": f"{row['downloads']:,}",
        "Likes": f"{row['likes']:,}",
        "Size": size_text(row["storage"]),
    }
    if row["parameters"]:
        facts["Parameters"] = f"{row['parameters']:,}"
    if row["pipeline_tag"]:
        facts["Task"] = row["pipeline_tag"]
    if row["library"]:
        facts["Library"] = row["library"]
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items())
    return f"<section><h2>About</h2><dl>{items}</dl></section>"


def _files(call: Call, repo: Repo, commit: Commit | None) -> str:
    if commit is None:
        return ""
    files = trees.files(call.hub.read(), commit.tree)
    base = f"/{repo.prefix}{quote(repo.id)}/resolve/main/"
    items = [
        f'<li><a href="{base}{quote(path)}">{escape(path)}</a><small>{size_text(file.size)}</small></li>'
        for path, file in list(files.items())[:_MOST_FILES]
    ]
    if len(files) > _MOST_FILES:
        items.append(f"<li>and {len(files) - _MOST_FILES} more</li>")
    title = "1 file" if len(files) == 1 else f"{len(files)} files"
    last = f"{escape(commit.title[:80])}, {commit.id[:7]}"
    return f'<section><h2>{title}</h2><p class="empty">{last}</p><ul class="files">{"".join(items)}</ul></section>'


def size_text(size: int) -> str:
    """Bytes as people read them: `3.1 MB`."""
    number = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
