"""One's own script: whether it can be read, what it needs, and whether the pinned TRL has what it uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from trl_space.checks.case import Case, Check, Fix
from trl_space.packages import DEPENDENCIES
from trl_space.script import sha256_of
from trl_space.scripts import arguments, findings, known, removed
from trl_space.scripts.imports import strangers
from trl_space.scripts.removed import Gone, Instead
from trl_space.texts import table
from trl_space.trl_examples import EXAMPLES, GONE, LAST, example_at

MOST_NAMED = 4


def named(names: Iterable[str]) -> str:
    """Names from a script, as many as a sentence can hold."""
    found = [name if len(name) <= 60 else name[:57] + "..." for name in names]
    more = len(found) - MOST_NAMED
    return ", ".join(found[:MOST_NAMED]) + (f" (+{more})" if more > 0 else "")


def with_script(case: Case, name: str, values: dict[str, object] | None = None, /, **changed: Any) -> Fix | None:
    """A fix that changes the script's part of the recipe; None when no recipe can have that."""
    try:
        script = replace(case.recipe.script, **changed)
    except ValueError:
        return None
    return case.fix("set", name, values, changes={"script": script}) if script != case.recipe.script else None


def chosen(case: Case) -> Check | None:
    """There is a script, or a command in its place, and its text is the one that was meant."""
    script, facts = case.recipe.script, case.facts
    if not script.runs:
        return case.check("script_missing", "blocks", case.choose("script"))
    if script.command or script.text:
        return None
    if facts.script_problem is not None:
        found = case.check("script_unread", "blocks", case.choose("script", "choose_other"))
        return replace(found, reason=facts.script_problem.sentence)
    if facts.script is None:
        return case.check("script_reading", "blocks")
    if script.sha256 and script.sha256 != sha256_of(facts.script):
        return case.check("script_changed", "blocks", case.choose("script", "look_again"))
    return None


# What is said of a text that cannot be read as Python, by kind.
_UNREADABLE = {
    "syntax": ("script_syntax", "blocks"),
    "python2": ("script_python2", "blocks"),
    "notebook": ("script_notebook", "blocks"),
    "page": ("script_page", "blocks"),
    "shell": ("script_shell", "blocks"),
    "newer": ("script_newer", "unknown"),
    "long": ("script_long", "unknown"),
    "deep": ("script_deep", "unknown"),
}


def reads(case: Case) -> Check | None:
    """The text is a Python script that does something."""
    if case.run is None or case.recipe.script.command:
        return None
    problem, focus = case.run.look.problem, case.choose("script", "change_text")
    if problem is not None:
        name, level = _UNREADABLE[problem.kind]
        fix = focus if level == "blocks" else None
        return case.check(name, level, fix, line=problem.line, said=problem.said)  # type: ignore[arg-type]
    return case.check("script_empty", "blocks", focus) if case.run.look.empty else None


def header(case: Case) -> Check | None:
    """The script's header can be read by uv."""
    if case.run is None:
        return None
    said = case.run.look.header
    problem = said.problem or next(iter(said.faults), "")
    if problem:
        return case.check("script_header", "blocks", case.choose("script", "change_text"), problem=problem)
    if said.table_problem:
        return case.check("script_table", "warns", case.choose("script", "change_text"), problem=said.table_problem)
    return None


def packages(case: Case) -> Check | None:
    """What the script imports is brought by what it declares."""
    if case.run is None or case.run.look.problem or case.recipe.script.command:
        return None
    run, focus = case.run, case.choose("dependencies")
    lacking = findings.missing(run)
    beside = [one for one in lacking if not one.package]
    if beside:
        fix = case.choose("script", "change_text")
        return case.check("script_beside", "blocks", fix, module=beside[0].module[:60], line=beside[0].line)
    if not lacking:
        return case.check("script_imports_fine", "fine") if run.look.wanted else None
    modules = named(one.module for one in lacking)
    if not run.isolated:
        fix = _add(case, lacking) if all(one.known for one in lacking) else None
        return case.check("script_imports_image", "unknown", fix, modules=modules)
    if any(one.known for one in lacking):
        values = {"modules": named(one.module for one in lacking if one.known)}
        return case.check("script_imports", "blocks", _add(case, lacking) or focus, **values)
    level = "unknown" if strangers(run.declared) else "warns"
    return case.check("script_imports_unknown", level, focus, modules=modules)


def _add(case: Case, lacking: Iterable[findings.Missing]) -> Fix | None:
    """A fix that adds the packages that are known by their names, in the versions of our own runs when they are new."""
    added = [one.package for one in lacking if one.known]
    if not added or case.run is None:
        return None
    alone = not set(DEPENDENCIES) & {name.replace("-", "_") for name in known.brought(case.run.declared)}
    pins = {name.replace("_", "-"): version for name, version in DEPENDENCIES.items() if alone and name != "torch"}
    wanted = tuple(f"{name}=={pins[name]}" if name in pins else name for name in added)
    dependencies = (*case.recipe.script.dependencies, *wanted)
    return with_script(case, "add_packages", {"packages": named(added)}, dependencies=dependencies)


def gone(case: Case) -> Check | None:
    """The pinned TRL has what the script uses of it."""
    if case.run is None or case.recipe.script.command:
        return None
    version = findings.trl_installed(case.run)
    if version == "other":
        return case.check("script_trl_other", "unknown", trl=known.version())
    if version == "" or not case.run.look.gone:
        return None
    # A trainer that is gone makes everything else that is missing beside the point.
    found = sorted(case.run.look.gone, key=lambda one: (one.kind == "argument", one.line))
    first, level = found[0], "blocks" if version == "known" else "warns"
    values = {"trl": known.version(), "what": first.what[:60], "line": first.line, "instead": _instead(case, first)}
    if first.kind == "argument":
        fix = case.choose("script", "change_text")
        return case.check("script_gone_argument", level, fix, owner=first.owner, **values)  # type: ignore[arg-type]
    return case.check("script_gone", level, _other_script(case), **values)  # type: ignore[arg-type]


def _instead(case: Case, one: Gone) -> str:
    """What to use, in a sentence."""
    advice = one.instead.value
    if one.instead.kind != "advice":
        return case.words(f"script_instead.{one.instead.kind}", what=one.what[:60], value=advice)
    example = f"trl_example.gone.{advice}"
    said = case.words(example if example in table() else f"script_instead.{advice}")
    older = any(module.rpartition(".")[2] == advice for module in GONE)
    return f"{said} {case.words('script_instead.older', trl=LAST)}" if older else said


def _other_script(case: Case) -> Fix:
    """The script of TRL's that does nearly the same today, else the choice of scripts."""
    example = example_at(case.recipe.script.url) if not case.recipe.script.text else None
    if example is None or not example.instead:
        return case.choose("script", "change_text" if case.recipe.script.text else "choose_other")
    other = EXAMPLES[example.instead]
    values: dict[str, object] = {"script": other.path}
    found = with_script(case, "use_script", values, url=other.address, sha256="")
    return found or case.choose("script", "choose_other")


def words(case: Case) -> Check | None:
    """The script takes the arguments that it is given."""
    if case.run is None or (case.recipe.script.command and not case.run.command):
        return None
    run = case.run
    if not run.reading.problems:
        return None
    problem = min(run.reading.problems, key=lambda one: one.kind == "required")
    sure = not run.form.partial and findings.trl_installed(run) != "other"
    level = "blocks" if sure and problem.kind != "value" else "warns"
    if problem.kind == "unknown" and run.form.kind == "trl":
        return _unknown_word(case, run, problem, level)
    if problem.kind in ("unknown", "required") and run.form.kind not in ("trl", "classes"):
        level = "warns"  # what was read from calls may not be all
    focus = case.choose("script_args", "change_words")
    return case.check("script_argument", level, focus, problem=problem.sentence)  # type: ignore[arg-type]


def _unknown_word(case: Case, run: findings.Run, problem: arguments.Problem, level: str) -> Check:
    """An argument that TRL does not have, with the one to use."""
    name = problem.name.lstrip("-").replace("-", "_")
    kinds = [*run.form.classes, "SFTConfig"]
    found = [removed.instead_of_argument(name, kind) for kind in kinds]
    instead = next((one for one in found if one.kind != "nothing"), Instead("nothing"))
    fix = None if case.recipe.script.command else _renamed(case, problem.name, instead)
    said = _instead(case, Gone("argument", name[:60], 0, instead))
    focus = case.choose("script_args", "change_words")
    values = {"what": problem.name[:60], "instead": said, "trl": known.version()}
    return case.check("script_argument_gone", level, fix or focus, **values)  # type: ignore[arg-type]


def _renamed(case: Case, flag: str, instead: Instead) -> Fix | None:
    """A fix that writes an argument by its name of today; None when that is there already, or has none."""
    new, args = f"--{instead.value}", case.recipe.script.args
    said = [word.partition("=")[0] for word in args]
    if instead.kind != "name" or {new, new.replace("_", "-")} & set(said):
        return None
    renamed = tuple(new + word[len(flag) :] if name == flag else word for word, name in zip(args, said, strict=True))
    return with_script(case, "write_argument", {"argument": new}, args=renamed)
