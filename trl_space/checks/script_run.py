"""How one's own script is run: what it asks for, its token and secrets, where its result goes, machine, time, image."""

from __future__ import annotations

from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from trl_space.checks.case import Case, Check, Fix
from trl_space.checks.script import named, with_script
from trl_space.facts import Machine
from trl_space.packages import DEPENDENCIES
from trl_space.recipe import MAX_TIMEOUT, Recipe, parse_duration, write_duration
from trl_space.scripts import arguments, findings, known
from trl_space.scripts.header import name_of, python_range, requirement
from trl_space.scripts.needs import TOKEN, TOKENS, Variable
from trl_space.scripts.table import Table, merge

# What Jobs takes when nobody says a limit; the guide's warning is about it.
DEFAULT_LIMIT = 30 * 60
LONG_LIMIT = 24 * 3600
USUAL_LIMIT = 2 * 3600
_RECIPE = Recipe()


def wishes(case: Case) -> Check | None:
    """The script is run as its own table asks, as far as nothing else was chosen."""
    table = case.run.look.header.table if case.run is not None else None
    if not table:
        return None
    asked = {key: value for key, value in _asked(case, table).items() if value}
    if not asked:
        return None
    fix = _take(case, table)
    return case.check("script_wishes", "warns", fix or case.choose("script", "look_again"), wishes=named(asked))


def _asked(case: Case, table: Table) -> dict[str, bool]:
    """What the table asks for and the recipe does not say. Who pays is nothing that a script decides."""
    recipe, script = case.recipe, case.recipe.script
    chosen = Table(
        image=recipe.image or None,
        flavor=recipe.flavor or None,
        python=script.python or None,
        timeout=str(recipe.timeout) if recipe.timeout != _RECIPE.timeout else None,
        env=script.env,
        labels=script.labels,
        volumes=script.volumes,
    )
    try:
        sources = merge(table, chosen).sources
    except ValueError:
        return {}
    apart = ("namespace", "secrets.", "network_aliases", "network_group")
    found = {key: source == "script" for key, source in sources.items() if not key.startswith(apart)}
    if table.timeout is not None and _seconds(table.timeout) in (None, recipe.timeout):
        found.pop("timeout", None)
    return found


def _take(case: Case, table: Table) -> Fix | None:
    """A fix that takes over what the table asks for; None when no recipe can have it."""
    script = case.recipe.script
    asked = _asked(case, table)
    labels = {**table.labels, **({"name": table.name} if table.name else {})}
    changed = with_script(
        case,
        "take_wishes",
        python=(table.python if asked.get("python") else script.python) or "",
        env={**table.env, **script.env},
        labels={**labels, **script.labels},
        volumes=(*(one for one in table.volumes if asked.get(f"volumes.{one}")), *script.volumes),
    )
    changes: dict[str, Any] = dict(changed.changes) if changed else {}
    changes |= {name: getattr(table, name) for name in ("flavor", "image") if asked.get(name)}
    if asked.get("timeout") and table.timeout:
        changes["timeout"] = _seconds(table.timeout)
    try:
        Recipe(**{"script": script, **changes})
    except ValueError:
        return None
    return case.fix("set", "take_wishes", changes=changes) if changes else None


def _seconds(text: str) -> int | None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return None
    return seconds if 1 <= seconds <= MAX_TIMEOUT else None


def secrets(case: Case) -> Check | None:
    """The script gets the secrets that its table asks for, and those it cannot do without."""
    if case.run is None:
        return None
    script, table = case.recipe.script, case.run.look.header.table
    lacking = [name for name in (table.secrets if table else ()) if name not in script.secrets]
    if lacking:
        return case.check("script_secrets", "blocks", _ask(case, lacking), names=named(lacking))
    wanted = list(findings.keys(case.run))
    return case.check("script_keys", "warns", _ask(case, wanted), names=named(wanted)) if wanted else None


def _ask(case: Case, names: list[str]) -> Fix:
    """A fix that asks for secrets; the Hub's token is given by hand, and what is no secret is a variable."""
    secret = [name for name in names if name not in TOKENS and Variable(name, 0, True).secret]
    if len(secret) < len(names):
        return case.choose("secrets" if secret or set(names) & TOKENS else "env", "give")
    fix = with_script(case, "ask_for", {"names": named(names)}, secrets=(*case.recipe.script.secrets, *names))
    return fix or case.choose("secrets", "give")


def token(case: Case) -> Check | None:
    """The script gets a token of the Hub when it needs one, and only then."""
    run = case.run
    if run is None or (run.look.problem is not None and not case.recipe.script.command):
        return None
    found = findings.token(run)
    if found.needed == "save" and not found.given:
        return case.check("script_token", "blocks", case.choose("secrets", "give"))
    if found.needed == "use" and not found.given:
        return case.check("script_token_asked", "warns", case.choose("secrets", "give"), why=found.why[:60])
    if found.needed == "no" and TOKEN in case.recipe.script.secrets and not _opaque(run):
        kept = tuple(name for name in case.recipe.script.secrets if name != TOKEN)
        return case.check("script_token_unneeded", "warns", with_script(case, "no_token", secrets=kept))
    return None


def _opaque(run: findings.Run) -> bool:
    """Whether nobody can say what the run does: a plain command of which this page knows nothing."""
    return bool(run.script.command) and not run.command


def saved(case: Case) -> Check | None:
    """The result is pushed to the Hub or written to a volume."""
    run = case.run
    if run is None or (run.look.problem is not None and not run.script.command):
        return None
    result = findings.kept(run)
    if result.how == "hub":
        return case.check("script_saved", "fine")
    if result.how == "volume":
        return case.check("script_saved_volume", "fine", place=result.what[:60])
    if result.how == "elsewhere":
        return case.check("script_saved_elsewhere", "unknown")
    if _opaque(run):
        return case.check("script_command_unknown", "unknown")
    if result.how == "argument":
        fix = _turn_on(case, run, result.what)
        return case.check("script_push_off", "warns", fix, argument=f"--{result.what[:60]}")
    return case.check("script_unsaved", "warns", case.choose("script", "change_text"))


def _turn_on(case: Case, run: findings.Run, name: str) -> Fix:
    """A fix that gives the argument that makes the script keep its result."""
    focus = case.choose("script_args", "change_words")
    argument = next((one for one in run.form.arguments if one.name == name), None)
    if argument is None or argument.kind != "bool":
        return focus
    start = run.script.command[:2] if run.script.command else ()
    try:
        made = arguments.changed(run.reading.words, run.form.arguments, name, True)
    except ValueError:
        return focus
    changed: dict[str, Any] = {"command": (*start, *made)} if start else {"args": made}
    return with_script(case, "add_argument", {"argument": argument.shown}, **changed) or focus


def accelerators(case: Case) -> Check | None:
    """A machine with several GPUs is used by something that can use them."""
    machine, run = case.facts.machine, case.run
    if run is None or machine is None or machine.accelerators < 2 or findings.launches(run):
        return None
    if run.look.problem is not None or _opaque(run):
        return case.check("script_gpus_unknown", "unknown", gpus=machine.accelerators)
    refuses = bool(run.look.uses & findings.REFUSE) and findings.trl_installed(run) == "known"
    single = _single(case, machine)
    fix = case.choose("machine")
    if single is not None:
        fix = case.fix("set", "use_machine", {"machine": single.title}, changes={"flavor": single.flavor})
    return case.check("script_launcher" if refuses else "script_gpus", "blocks" if refuses else "warns", fix,
                      gpus=machine.accelerators)  # fmt: skip


def _single(case: Case, machine: Machine) -> Machine | None:
    """A machine with one GPU, of the same kind if there is one."""
    ones = [one for one in case.facts.machines if one.accelerators == 1]
    ones.sort(key=lambda one: (one.accelerator != machine.accelerator, -(one.vram_gb or 0), one.usd_per_minute))
    return ones[0] if ones else None


def time(case: Case) -> Check | None:
    """The limit is above the default of Jobs, and not by mistake so high that it becomes dear."""
    run, limit = case.run, case.recipe.timeout
    if run is None:
        return None
    if limit <= DEFAULT_LIMIT and (findings.trains(run) or _opaque(run)):
        usual = write_duration(USUAL_LIMIT)
        fix = case.fix("set", "raise_limit", {"limit": usual}, changes={"timeout": USUAL_LIMIT})
        return case.check("script_time_short", "warns", fix, limit=write_duration(limit))
    if limit > LONG_LIMIT:
        day = write_duration(LONG_LIMIT)
        fix = case.fix("set", "lower_limit", {"limit": day}, changes={"timeout": LONG_LIMIT})
        return case.check("script_time_long", "warns", fix, limit=write_duration(limit))
    return None


def image(case: Case) -> Check | None:
    """The image has uv, and what else it has can be seen by the script."""
    run = case.run
    if run is None or case.recipe.script.command or run.bare_image:
        return None
    usual = case.fix("set", "usual_image", changes={"image": ""})
    if run.look.header.there:
        return case.check("script_image_unseen", "warns", usual, image=case.recipe.image[:60])
    return None if run.trl_image else case.check("script_image", "unknown", usual, image=case.recipe.image[:60])


def python(case: Case) -> Check | None:
    """The Python that is chosen is one that the script and TRL can run in."""
    run = case.run
    if run is None or run.look.header.problem or run.look.header.faults or case.recipe.script.command:
        return None
    asked, chosen = run.look.header.requires_python, case.recipe.script.python
    anything = with_script(case, "any_python", python="")
    version = _version(chosen)
    if asked and version is not None and not _within(version, asked):
        return case.check("script_python", "warns", anything, python=chosen, asked=asked[:60])
    needed = known.pythons("trl")
    uses = findings.trl_installed(run) == "known"
    if uses and version is not None and not _within(version, needed):
        return case.check("script_python_trl", "warns", anything, python=chosen, asked=needed, trl=known.version())
    if not chosen and asked and run.bare_image and not _within(Version(findings.PYTHON), asked):
        return case.check("script_python_fetched", "fine", asked=asked[:60], python=findings.PYTHON)
    return None


def _version(text: str) -> Version | None:
    try:
        return Version(text.removeprefix("=="))
    except InvalidVersion:
        return None  # a range: uv finds one that fits


def _within(version: Version, asked: str) -> bool:
    """Whether some release of a version such as 3.12 is in a range."""
    found: SpecifierSet | None = python_range(asked)
    if found is None:
        return True
    text = str(version)
    tries = [text] if text.count(".") > 1 else [f"{text}.{patch}" for patch in (0, 5, 10, 20)]
    return any(found.contains(one, prereleases=True) for one in tries)


def pins(case: Case) -> Check | None:
    """The versions of what is installed are known before the run."""
    if case.run is None or case.recipe.script.command:
        return None
    loose = findings.unpinned(case.run)
    if not loose:
        return None
    return case.check("script_pins", "unknown", _pin(case), packages=named(loose))


def _pin(case: Case) -> Fix | None:
    """A fix that pins what is added by its bare name, to the versions of our own runs; None when something would stay
    open all the same: pins beside open ends may not come together."""
    ours = {name.replace("_", "-"): version for name, version in DEPENDENCIES.items() if name != "torch"}
    made = []
    for text in case.recipe.script.dependencies:
        found = requirement(text)
        name = name_of(found) if found is not None and not found.specifier and not found.url else ""
        made.append(f"{text}=={ours[name]}" if name in ours else text)
    fix = with_script(case, "pin", dependencies=tuple(made))
    if fix is None or case.run is None:
        return None
    pinned = findings.Run(fix.changes["script"], case.run.text, case.recipe.image)
    return None if findings.unpinned(pinned) else fix
