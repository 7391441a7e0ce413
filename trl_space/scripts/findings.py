"""What is to be said of a script before it runs: its text together with how it is started.

    run = Run(script, text, image="")
    run.look.header, run.look.form       # what the text says by itself
    run.reading                          # its arguments, read
    missing(run), kept(run), token(run)  # what `checks/script.py` makes sentences of

A text is looked at once and what was found is kept; its tree is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from packaging.requirements import Requirement
from packaging.version import Version

from trl_space.script import Script, read_volume
from trl_space.scripts import arguments, forms, imports, known, launchers, needs, removed, saving, source
from trl_space.scripts.header import Header, name_of, read, requirement
from trl_space.scripts.imports import Missing
from trl_space.scripts.removed import Gone

# The image that a job starts from when none is chosen, and the Python in it; `jobspec.IMAGES` has its name.
PYTHON = "3.12"
_TRL_IMAGE = re.compile(r"(?:docker\.io/)?huggingface/trl(?::([\w.-]+))?")
_UV_IMAGE = re.compile(r"ghcr\.io/astral-sh/uv(?::[\w.-]+)?(?:@.*)?")
# Trainers that refuse to share a model between several GPUs of one process.
REFUSE = frozenset(f"{name}Trainer" for name in ("SFT", "DPO", "KTO", "GRPO", "RLOO", "Reward", "Distillation"))


@dataclass(frozen=True)
class Look:
    """All that a text says by itself."""

    header: Header
    problem: source.Problem | None
    empty: bool
    wanted: tuple[imports.Wanted, ...]
    savings: tuple[saving.Saving, ...]
    paths: tuple[str, ...]
    variables: tuple[needs.Variable, ...]
    token_uses: tuple[str, ...]
    services: Mapping[str, str]
    launcher: str
    gone: tuple[Gone, ...]
    uses: frozenset[str]
    form: forms.Form


@lru_cache(maxsize=32)
def look(text: str) -> Look:
    """What a text says; never raises."""
    found = source.read(text)
    return Look(
        header=read(text),
        problem=found.problem,
        empty=found.problem is None and not (found.tree and found.tree.body),
        wanted=imports.wanted(found),
        savings=saving.savings(found),
        paths=saving.paths(found),
        variables=needs.variables(found),
        token_uses=needs.token_uses(found),
        services=needs.services(found),
        launcher=launchers.launcher(found),
        gone=removed.gone(found),
        uses=removed.uses(found),
        form=forms.of(found),
    )


class Run:
    """A script with how it is started. `text` is "" for a plain command. `image` is the recipe's."""

    def __init__(self, script: Script, text: str, image: str = "") -> None:
        self.script, self.text, self.image = script, text, image

    @cached_property
    def look(self) -> Look:
        """What the text says."""
        return look(self.text)

    @cached_property
    def form(self) -> forms.Form:
        """The arguments that the script, or TRL's command, takes."""
        if self.command:
            return forms.of_command(self.command)
        return self.look.form

    @property
    def command(self) -> str:
        """TRL's command that a plain command is, such as `sft`; "" for any other."""
        words = self.script.command
        return words[1] if len(words) > 1 and words[0] == "trl" and words[1] in known.commands() else ""

    @cached_property
    def reading(self) -> arguments.Reading:
        """The arguments as they are read."""
        words = self.script.command[2:] if self.command else self.script.args
        return arguments.read(words, self.form.arguments, self.form.strict and not self.command)

    @property
    def declared(self) -> tuple[str, ...]:
        """The packages that the header asks for, and those that are added."""
        return (*self.look.header.dependencies, *_parted(self.script.dependencies))

    @property
    def bare_image(self) -> bool:
        """Whether the image holds Python and uv and nothing else."""
        return not self.image or bool(_UV_IMAGE.fullmatch(self.image))

    @property
    def trl_image(self) -> bool:
        """Whether the image is TRL's own."""
        return self.image == "trl" or bool(_TRL_IMAGE.fullmatch(self.image))

    @property
    def isolated(self) -> bool:
        """Whether only what is declared is there: uv makes an environment of its own for a script with a header."""
        return self.look.header.there or self.bare_image

    def given(self, name: str) -> bool:
        """Whether an argument is on or has a value, be it by itself."""
        default = next((one.default for one in self.form.arguments if one.name == name), None)
        value = self.reading.values.get(name, default)
        return value.lower() not in ("", "none", "null", "false", "no", "0") if isinstance(value, str) else bool(value)


def _parted(added: tuple[str, ...]) -> list[str]:
    """What `uv run --with` is given, which may be several packages in one."""
    parts = [part for one in added for part in ([one] if requirement(one) else one.split(","))]
    return [part.strip() for part in parts if part.strip()]


def missing(run: Run) -> tuple[Missing, ...]:
    """The modules that nothing brings, as far as that can be known."""
    return imports.missing(run.look.wanted, run.declared)


def trl_installed(run: Run) -> Literal["", "known", "other", "unknown"]:
    """Which TRL the run gets: the one that this page knows, surely another, nobody can say, or none."""
    asked = [found for one in run.declared if (found := requirement(one)) and name_of(found) == "trl"]
    if not asked:
        if run.isolated:
            return "unknown" if "trl" in known.brought(run.declared) else ""
        tag = found[1] if (found := _TRL_IMAGE.fullmatch(run.image)) else None
        return "known" if run.image == "trl" or (run.trl_image and tag in (None, known.version())) else "unknown"
    if any(one.url for one in asked):
        return "unknown"
    return "known" if all(_allows(one) for one in asked) else "other"


def _allows(asked: Requirement) -> bool:
    return asked.specifier.contains(Version(known.version()), prereleases=True)


@dataclass(frozen=True)
class Kept:
    """What becomes of a run's result. `what` is a repository, a folder, or the argument that would keep it."""

    how: Literal["hub", "volume", "elsewhere", "argument", "nowhere"]
    what: str = ""


def kept(run: Run) -> Kept:
    """Where the result goes that is not deleted with the job's disk."""
    asked = {one.name for one in run.form.arguments}
    lacking = ""
    for one in sorted(run.look.savings, key=lambda one: one.to != "hub"):
        depends = [ask for ask in one.asks if ask in asked]
        off = next((ask for ask in depends if not run.given(ask)), "")
        if not off:
            return Kept("hub" if one.to == "hub" else "elsewhere", one.repository)
        lacking = lacking or off
    # TRL and transformers push by themselves when they are asked to.
    if "push_to_hub" in asked and run.form.kind == "trl":
        if run.given("push_to_hub"):
            return Kept("hub", str(run.reading.values.get("hub_model_id") or ""))
        lacking = lacking or "push_to_hub"
    if (place := written_volume(run)) != "":
        return Kept("volume", place)
    return Kept("argument", lacking) if lacking else Kept("nowhere")


def written_volume(run: Run) -> str:
    """The place of a volume that can be written to and that the run names; "" for none."""
    volumes = [read_volume(volume) for volume in run.script.volumes]
    places = [volume["mountPath"].rstrip("/") for volume in volumes if not volume["readOnly"]]
    said = [*run.script.args, *run.script.command, *run.script.env.values(), *run.look.paths]
    said = [word.rpartition("=")[2] for word in said]
    return next((place for place in places for word in said if word == place or word.startswith(f"{place}/")), "")


@dataclass(frozen=True)
class Token:
    """Whether a run uses the Hub's token and whether it gets one. `why` is what it does with it, in its own words."""

    needed: Literal["save", "use", "no"]
    given: bool
    why: str = ""


def token(run: Run) -> Token:
    """Whether the run uses the token of the Hub, and whether it gets one."""
    result = kept(run)
    reads = [one.name for one in run.look.variables if one.name in needs.TOKENS]
    own = {one.name for one in run.look.variables if one.secret}
    secrets = set(run.script.secrets)
    given = bool(secrets & needs.TOKENS) or (result.how == "hub" and bool(secrets & own))
    if result.how == "hub":
        return Token("save", given, "push_to_hub")
    used = [*reads, *run.look.token_uses]
    if any(run.given(name) for name in ("hub_token", "trackio_space_id") if name in run.reading.values):
        used.append("hub_token" if "hub_token" in run.reading.values else "trackio_space_id")
    return Token("use", given, used[0]) if used else Token("no", given)


def keys(run: Run) -> tuple[str, ...]:
    """The secrets beside the Hub's token that the script surely wants and that it does not get."""
    there = {*run.script.secrets, *run.script.env, *needs.TOKENS}
    wanted = [one.name for one in run.look.variables if one.needed]
    quiet = {"WANDB_MODE", "WANDB_DISABLED"} & set(run.script.env)
    wanted += [name for name, service in run.look.services.items() if not (quiet and service in ("wandb", "weave"))]
    reported = run.reading.values.get("report_to")
    for name in reported if isinstance(reported, tuple) else (reported,):
        if isinstance(name, str) and name in needs.SERVICES and not quiet:
            wanted.append(needs.SERVICES[name])
    return tuple(name for name in dict.fromkeys(wanted) if name not in there)


def unpinned(run: Run) -> tuple[str, ...]:
    """The packages of which the newest is taken on the day of the run."""
    found = [one for text in run.declared if (one := requirement(text)) is not None and not one.url]
    return tuple(dict.fromkeys(name_of(one) for one in found if not _exact(one)))


def _exact(one: Requirement) -> bool:
    return any(part.operator in ("==", "===") and not part.version.endswith("*") for part in one.specifier)


def launches(run: Run) -> str:
    """What makes the run use several GPUs, "" when it shows nothing of that."""
    if run.script.command:
        return launchers.launcher_of(run.script.command)
    return run.look.launcher


def trains(run: Run) -> bool:
    """Whether the run trains with TRL."""
    return bool(run.command) or any(name.endswith("Trainer") for name in run.look.uses)
