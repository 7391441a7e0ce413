"""A recipe to hand on: the link, its QR code, the badge, and what a README says with it.

    await share(asked)     {"link", "notes", "qr", "snippets": [{"id", "text", "file"}], "yaml"}

`asked` is {"query", "text", "at"}: the recipe as for `exporting`, and the address of this page as the browser has it.
What is shared leaves out who pays, where the result goes and what it continues (`Recipe.to_share`). What no link can
hold is shared as the recipe's file; `keeping` makes a link of it where its script can be saved.
"""

from __future__ import annotations

import contextlib
import html
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from trl_space.recipe import Recipe, is_repo_id
from trl_space.script import MAX_SCRIPT
from trl_space.texts import DEFAULT, speaking, t
from trl_space.trainers import TRAINERS
from trl_space.ui.exporting import link_of, own_address

WORDS = "page.parts.code"
BADGE = "https://img.shields.io/badge/Train_your_own-TRL_Space-ffd21e"
"""The badge's picture, that of the cards which the worker writes: `worker/card.py` says why this one."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_QR = 1000
"""Bytes of a link beyond which its code has more squares than a phone shows well at three pixels each."""


async def share(asked: Any) -> dict[str, Any]:
    """What is handed on. Needs nobody's sign-in: it says only what the recipe says."""
    given = asked if isinstance(asked, dict) else {}
    query = given.get("query") if isinstance(given.get("query"), str) else ""
    recipe = Recipe.from_query(query).to_share()
    text, script = given.get("text"), recipe.script
    if script and not script.url and not script.command and isinstance(text, str) and 0 < len(text) <= MAX_SCRIPT:
        with contextlib.suppress(ValueError):  # no text that a script can have
            recipe = replace(recipe, script=replace(script, sha256="", text=text))
    at, shared = own_address(given.get("at")), link_of(recipe)
    answer: dict[str, Any] = {"yaml": recipe.to_yaml(), "link": None, "notes": [t(f"{WORDS}.share_note")]}
    if shared is None or not at:
        why = (
            "pasted"
            if recipe.script and not recipe.script.url and not recipe.script.command
            else "long"
            if shared is None
            else "nowhere"
        )
        return answer | {"notes": [t(f"{WORDS}.share_file_{why}"), *answer["notes"]]}
    link = f"{at}?{shared}"
    with speaking(DEFAULT):  # others read it
        written = snippets(recipe, link)
    answer["notes"] += [t(f"{WORDS}.share_here")] if urlsplit(at).hostname in LOOPBACK else []
    return answer | {
        "link": link,
        "snippets": [{"id": name, "text": text, "file": file} for name, text, file in written],
        "qr": qr(link) if len(link.encode()) <= MOST_QR else None,
    }


def qr(link: str) -> str:
    """A QR code of a link, as an address that holds its picture."""
    code = code_of(link)
    scale = 4 if code.symbol_size()[0] < 60 else 3
    return code.svg_data_uri(scale=scale, dark="#1d1a15", light="#fff", svgclass=None, lineclass=None)


def code_of(link: str) -> Any:
    """The code itself, a `segno.QRCode`; a long one has fewer squares to spare for dirt."""
    import segno  # only here: most pages show none

    return segno.make(link, error="m" if len(link) < 300 else "l", boost_error=False, micro=False)


def snippets(recipe: Recipe, link: str) -> list[tuple[str, str, str]]:
    """What is put into a README, by name: the badge in Markdown and HTML, and a paragraph with it."""
    alt = t(f"{WORDS}.badge_alt")
    markdown = f"[![{alt}]({BADGE})]({link})"
    marked = f'<a href="{html.escape(link)}"><img src="{BADGE}" alt="{html.escape(alt)}" height="20"></a>'
    readme = f"## {t(f'{WORDS}.readme_title')}\n\n{markdown}\n\n{about(recipe)} {t(f'{WORDS}.readme_safe')}\n"
    return [
        ("markdown", markdown + "\n", "badge.md"),
        ("html", marked + "\n", "badge.html"),
        ("readme", readme, "README.md"),
    ]


def about(recipe: Recipe) -> str:
    """A recipe in one sentence of Markdown. Names that are no plain ones are left out: a link may hold anything."""
    if recipe.script:
        return t(f"{WORDS}.readme_script")
    if not is_repo_id(recipe.model) or not is_repo_id(recipe.dataset):
        return t(f"{WORDS}.readme_any")
    goal = TRAINERS[recipe.trainer].title
    return t(f"{WORDS}.readme_training", model=f"`{recipe.model}`", dataset=f"`{recipe.dataset}`", goal=goal)
