"""What a script's own header adds to a recipe that runs it: the table `[tool.hf-jobs]`, as `hf jobs uv run` reads it.

    whole = complete(recipe, header.table, said={"timeout"})
    whole.recipe                 # what would run: what was chosen, and what the header says beside it
    whole.rows                   # (("flavor", "l4x1", True), ("timeout", "2h", False)): entry, value, whether it counts

What somebody chose wins. `said` names entries that were chosen although they are what counts anyway: "timeout" and
"namespace". An entry that this page cannot give a job is named in `left`; a value that no job can have is a sentence
in `problems`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trl_space.names import clean_text
from trl_space.recipe import Recipe, parse_duration, write_duration
from trl_space.scripts.table import Table, merge

# What `hf jobs uv run` knows and a job of this page has not.
LEFT = ("network_group", "network_aliases")


@dataclass(frozen=True)
class Whole:
    """A recipe with what the script's header adds."""

    recipe: Recipe
    rows: tuple[tuple[str, str, bool], ...] = ()
    left: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def by_script(self, entry: str) -> bool:
        """Whether the script's header decides this entry."""
        return any(name == entry and counts for name, _, counts in self.rows)


def complete(recipe: Recipe, table: Table | None, said: Collection[str] = ()) -> Whole:
    """Return the recipe together with what the header's table says. Never raises."""
    if not table or recipe.script.command:
        return Whole(recipe)
    try:
        found = merge(table, _chosen(recipe, said))
    except ValueError as problem:
        return Whole(recipe, problems=(str(problem),))
    problems: list[str] = []
    for name, value in _entries(found.table).items():
        try:
            recipe = _with(recipe, name, value)
        except ValueError as problem:
            problems.append(f"the script's header: {problem}")
    left = tuple(name for name in LEFT if getattr(table, name))
    counts = {key for key, source in found.sources.items() if source == "script"}
    rows = tuple((key, text, key in counts) for key, text in _written(table) if key not in left)
    return Whole(recipe, rows, left, tuple(dict.fromkeys(problems)))


def _chosen(recipe: Recipe, said: Collection[str]) -> Table:
    script = recipe.script
    return Table(
        image=recipe.image or None,
        flavor=recipe.flavor or None,
        python=script.python or None,
        timeout=write_duration(recipe.timeout) if "timeout" in said else None,
        # Paying oneself is said by no name; the sign stands for it.
        namespace=(recipe.namespace or "-") if "namespace" in said else None,
        env=script.env,
        secrets=script.secrets,
        labels=script.labels,
        volumes=script.volumes,
    )


def _entries(table: Table) -> dict[str, Any]:
    entries: dict[str, Any] = {name: getattr(table, name) for name in ("env", "secrets", "labels", "volumes")}
    for name in ("image", "flavor", "python", "timeout", "namespace"):
        if (value := getattr(table, name)) is not None:
            entries[name] = value
    return entries


def _with(recipe: Recipe, name: str, value: Any) -> Recipe:
    """The recipe with one entry as the table writes it. Raises ValueError."""
    if name == "timeout":
        return replace(recipe, timeout=int(value) if value.isdigit() else parse_duration(value))
    if name == "namespace":
        return replace(recipe, namespace="" if value == "-" else value)
    if name in ("image", "flavor"):
        return replace(recipe, **{name: value})
    return replace(recipe, script=replace(recipe.script, **{name: value}))


def _written(table: Table) -> list[tuple[str, str]]:
    """Each entry of the table with its value as a person reads it."""
    rows: list[tuple[str, str]] = []
    for name in ("image", "flavor", "python", "timeout", "namespace"):
        if (value := getattr(table, name)) is not None:
            rows.append((name, clean_text(value)))
    pairs: Mapping[str, Mapping[str, str]] = {"env": table.env, "labels": table.labels}
    if table.name is not None:
        pairs = {**pairs, "labels": {**table.labels, "name": table.name}}
    rows += [(f"{name}.{key}", clean_text(item)) for name, entries in pairs.items() for key, item in entries.items()]
    rows += [(f"secrets.{name}", "") for name in table.secrets]
    return rows + [(f"volumes.{volume}", "") for volume in table.volumes]
