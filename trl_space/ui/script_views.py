"""What the Scripts page shows of a script and its run, as plain JSON for its parts. Pure: no gradio, no network.

Texts of scripts, headers and links go in as they are: the parts put them into the page as text, never as markup.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from trl_space import guide
from trl_space.facts import Machine
from trl_space.fields import Value
from trl_space.figures import figure
from trl_space.jobspec import IMAGES
from trl_space.recipe import ReadQuery, Recipe, write_duration
from trl_space.script import Script, is_hub_file, sha256_of
from trl_space.script_defaults import Whole
from trl_space.script_job import file_name
from trl_space.scripts.forms import Form
from trl_space.scripts.header import Header
from trl_space.texts import t
from trl_space.trl_examples import EXAMPLES
from trl_space.ui.script_form import SIGN_IN, Filled
from trl_space.ui.words import spoken

WORDS = "page.script"
MOST_HELP = 300  # characters of what is said of one argument


def title(script: Script) -> str:
    """What a run of it is called: the name of its file, or the beginning of its command."""
    if script.command:
        words = shlex.join(script.command)
        return words if len(words) <= 60 else words[:59] + "…"
    return file_name(script)


def below(script: Script) -> str:
    """Where it comes from, in one line."""
    if script.command:
        return t(f"{WORDS}.a_command")
    if is_hub_file(script.url):
        return script.url.removeprefix("hf://")
    return script.url or t(f"{WORDS}.own")


def sentence(recipe: Recipe, machine: Machine | None) -> list[tuple[str, bool]]:
    """What will happen, in one sentence: (text, strong) parts."""
    script = recipe.script
    what = title(script) if script.runs or script.sha256 else t(f"{WORDS}.sentence.a_script")
    parts: list[tuple[str, bool]] = [
        (t(f"{WORDS}.sentence.run") + " ", False),
        (what, script.runs),
        (" " + t("page.sentence.on") + " ", False),
        (machine.title if machine else t("page.sentence.a_machine"), machine is not None),
    ]
    if recipe.image:
        parts += [(" " + t(f"{WORDS}.sentence.image") + " ", False), (image_name(recipe.image), True)]
    parts += [(", " + t("page.sentence.stop") + " ", False), (spoken(recipe.timeout), True)]
    parts += [(" " + t("page.sentence.latest") + ". ", False)]
    names = [name for name in script.secrets if name != SIGN_IN]
    if SIGN_IN in script.secrets:
        parts += [(t(f"{WORDS}.sentence.token"), False)]
    else:
        parts += [(t(f"{WORDS}.sentence.no_token"), False)]
    if names:
        parts += [(" " + t(f"{WORDS}.sentence.secrets", names=", ".join(names)), False)]
    return parts


def image_name(image: str) -> str:
    """The name of the image that a recipe's entry stands for."""
    return IMAGES[image].name if image in IMAGES else image


def image_names() -> dict[str, str]:
    """The names of the two images that the page offers."""
    return {"uv": IMAGES[""].name, "trl": IMAGES["trl"].name}


def facts(filled: Filled) -> list[dict[str, str]]:
    """The line about the script that is in the editor: how long it is, where it is from, and whether it is still the
    one that the link was made for."""
    script, text = filled.recipe.script, filled.text
    if not text:
        return []
    lines = len(text.splitlines())
    items = [{"icon": "rows", "text": t(f"{WORDS}.lines", n=figure(lines)) if lines > 1 else t(f"{WORDS}.line")}]
    if not script.url:
        return [*items, {"icon": "user", "text": t(f"{WORDS}.own")}]
    host = "huggingface.co" if is_hub_file(script.url) else urlsplit(script.url).hostname or ""
    items.append({"icon": "link", "text": t(f"{WORDS}.from", host=host)})
    if script.sha256 and script.sha256 == sha256_of(text):
        items.append({"icon": "ok", "text": t(f"{WORDS}.same"), "tone": "good"})
    elif script.sha256:
        items.append({"icon": "warns", "text": t(f"{WORDS}.changed"), "tone": "bad"})
    return items


def reading(header: Header, whole: Whole, form: Form, had: str = "") -> dict[str, Any]:
    """What the script says of itself, for the part about starting it. The arguments of one of TRL's scripts are long,
    so they are left out (None) where the browser says that it has them: `had`."""
    rows = [[f"{name}", text, counts] for name, text, counts in whole.rows]
    rows += [[name, t(f"{WORDS}.left"), True] for name in whole.left]
    known = arguments(form)
    name = sha256_of(json.dumps(known))[:16]
    return {
        "dependencies": list(header.dependencies),
        "python": header.requires_python,
        "secrets": list(header.table.secrets) if header.table else [],
        "jobs": rows,
        "form": name,
        "arguments": None if name == had else known,
    }


def arguments(form: Form) -> list[dict[str, Any]]:
    """The arguments that have a long name, each with what is known of it. Those that stand by their place are part of
    the line as text."""
    found = []
    for one in form.arguments:
        entry = {"kind": one.kind, "takes": one.takes, "choices": list(one.choices), "help": one.help[:MOST_HELP]}
        entry |= {"default": _plain(one.default), "required": one.required}
        for flags, said in ((one.flags, entry), (one.off, {"kind": "bool", "takes": "none", "help": entry["help"]})):
            names = list(dict.fromkeys(flag[2:].replace("-", "_") for flag in flags if flag.startswith("--")))
            if names:
                written = next(flag[2:] for flag in flags if flag.startswith("--"))
                more = {"name": written, "also": names[1:], **said}
                found.append({key: value for key, value in more.items() if value not in ("", [], None, False)})
    return found


def _plain(value: Value) -> str | None:
    """A default as it would be typed; None for what no field can show."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def is_asked_for(query: str, read: ReadQuery) -> bool:
    """Whether an address is that of the Scripts page."""
    keys = keys_of(query)
    return bool(read.recipe.script) or keys.get("view") == "scripts" or "guide" in keys or "again" in keys


def keys_of(query: str) -> dict[str, str]:
    """The pairs of an address, the last one of a name; {} when there are too many to be read."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=500, errors="replace"))
    except ValueError:
        return {}


def guide_notice(example: guide.Example) -> list[dict[str, Any]]:
    """That the form is filled as the guide writes it, and with what; what to do where the guide's way is gone."""
    notice: dict[str, Any] = {"icon": "star", "text": t("page.guide.filled"), "items": [example.command]}
    if example.instead:
        notice["link"] = {"text": t(f"page.guide.{example.id}.instead"), "query": example.instead.to_query()}
    return [notice]


def edited(recipe: Recipe, text: str) -> str:
    """The query of the Scripts page for the script of a training: the same machine, limit and payer, and a token, with
    which it saves its result."""
    script = Script(sha256=sha256_of(text), secrets=(SIGN_IN,))
    run = Recipe(script=script, flavor=recipe.flavor, timeout=recipe.timeout, namespace=recipe.namespace)
    query = replace(run, image=recipe.image).to_query()
    return query if "timeout=" in query else f"{query}&timeout={write_duration(recipe.timeout)}"


def trl_examples() -> list[dict[str, Any]]:
    """TRL's own scripts, by their group: those of its commands, its examples, and those that its newest release cannot
    run."""
    groups: dict[str, list[dict[str, str]]] = {name: [] for name in ("commands", "examples", "gone")}
    for one in EXAMPLES.values():
        name = "gone" if one.removed_in else "commands" if one.path.startswith("trl/") else "examples"
        about = " ".join(filter(None, (one.does(), one.gone())))
        groups[name].append({"name": one.path.rpartition("/")[2], "url": one.address, "about": about})
    return [{"group": t(f"{WORDS}.group.{name}"), "scripts": scripts} for name, scripts in groups.items()]


def guide_cards() -> list[dict[str, str]]:
    """The worked examples, as links that fill the form."""
    cards = []
    for one in guide.EXAMPLES:
        href = f"guide={one.id}" if one.recipe.script else one.recipe.to_query()
        words = {name: t(f"page.guide.{one.id}.{name}") for name in ("title", "text")}
        cards.append({"id": one.id, "href": href, **words})
    return cards
