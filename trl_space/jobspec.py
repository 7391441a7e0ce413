"""From a recipe and what the Hub told us to the job that is submitted, and to its exports.

    spec = compile(recipe, model=..., dataset=..., mapping=..., preset=..., machine=...,
                   account_name="ada", launch_id="1f0c9a2b")

The job is one file: a PEP 723 script made of `worker/train.py`, the run's configuration and the files the worker
carries with it (`formats`, `rewards.py`), verbatim. It travels inside the command, so nothing is uploaded and nothing
is left behind. A `JobSpec` holds no secret; whoever submits it adds the visitor's token as the job's secret
`HF_TOKEN`. docs/start-up.md says why it starts the way it does.
"""

from __future__ import annotations

import base64
import bz2
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trl_space import estimate, resources, rewards, trainers
from trl_space.exports import LAUNCH_LABEL, UV_IMAGE, literal
from trl_space.facts import DatasetFacts, Machine, ModelFacts
from trl_space.formats import Mapping as RowMapping
from trl_space.job import JobSpec, UvRun
from trl_space.packages import DEPENDENCIES, PYTHON, Needs, requirements
from trl_space.presets import Preset, settings_for
from trl_space.recipe import Recipe, write_duration
from trl_space.texts import t
from trl_space.trainers import TRAINERS

LABEL, GOAL_LABEL = "trl-space", "trl-space-goal"
# The shape of a run (`estimate.run_shape`), by which a later one finds what this one measured; and rehearsals.
SHAPE_LABEL, REHEARSAL_LABEL = "trl-space-shape", "trl-space-rehearsal"
# The group of a workshop (`Recipe.group`), by which its runs are found in every account.
GROUP_LABEL = "trl-space-group"
RECIPE_VARIABLE = "TRL_SPACE_RECIPE"
# One argument of a Linux program may hold 128 KiB; stay clear of it.
MAX_ARGUMENT = 100_000

# The script is the first argument of the shell ($0). A directory that cannot be written to is left. The shell says
# when the container began, because the time limit counts from there. It makes way for the program, which is asked to
# stop by a signal.
_UNPACK = (
    'export TRL_SPACE_STARTED="$(date +%s)"; [ -w . ] || cd "$(mktemp -d)" || exit 1; '
    "python3 -c 'import base64, bz2, sys; sys.stdout.buffer.write(bz2.decompress(base64.b64decode(sys.argv[1])))'"
    ' "$0" > train.py && '
)


@dataclass(frozen=True)
class Image:
    """A way to start: the image, and what its shell does with `train.py`; `{packages}` are the run's requirements.

    `uv`: whether that is `uv run train.py`, which installs what the script's header says, torch too.
    """

    name: str
    shell: str
    uv: bool = True


IMAGES: Mapping[str, Image] = {
    # Python and uv, nothing else: uv installs exactly what the script's header pins.
    "": Image(UV_IMAGE, _UNPACK + "exec uv run train.py"),
    # TRL's own image with torch and CUDA inside: what differs from the pins is installed over it, torch stays.
    "trl": Image(
        f"huggingface/trl:{DEPENDENCIES['trl']}",
        _UNPACK + "uv pip install --system --quiet {packages} && exec python train.py",
        uv=False,
    ),
}

# Settings that are not handed to TRL as they are: the job's configuration has a place of its own for each.
_APART = (
    "reward_funcs",
    "reward_weights",
    "reward_model_name_or_path",
    "teacher_model_name_or_path",
    "test_split_size",
)
# What the worker decides, so that a run always ends in a push: where things are, and what is done with them. No
# preset and no link gets past this.
FORCED = frozenset(
    "output_dir push_to_hub hub_model_id hub_token hub_private_repo hub_revision resume_from_checkpoint report_to "
    "disable_tqdm trust_remote_code model_name_or_path model_revision dataset_name dataset_config datasets "
    "dataset_train_split dataset_test_split dataset_streaming do_train do_eval use_cpu".split()
)

_CONFIG_LINE = re.compile(r"^CONFIG: dict = \{\}.*$", re.MULTILINE)
_SOURCES_LINE = re.compile(r"^SOURCES: dict = \{\}.*$", re.MULTILINE)
_HEADER = re.compile(r"\A(#!.*\n)?# /// script\n(?:#.*\n)*?# ///\n+")


def compile(
    recipe: Recipe,
    *,
    model: ModelFacts,
    dataset: DatasetFacts,
    mapping: RowMapping,
    preset: Preset | None,
    machine: Machine,
    account_name: str,
    launch_id: str,
    created_at: datetime | None = None,
    page: str = "",
    teacher: ModelFacts | None = None,
    reward_model: ModelFacts | None = None,
    image: str = "",
    rehearsal: estimate.Rehearsal | None = None,
) -> JobSpec:
    """Return the job that does what the recipe says. The same arguments give the same job, byte for byte.

    `launch_id` names this launch (letters, digits, - and _); it becomes a label and ends the default name of the
    result, so that a new run never overwrites an old one. `page` is the address of this page, for the card's link.
    `image` is one of `IMAGES`. With `rehearsal` it is the job that only tries the first steps: it saves nothing, and
    carries the recipe of the run itself. Revisions are pinned to what the facts say. Raises ValueError when a reward
    is none or the script becomes too long to be carried.
    """
    start = IMAGES[image]
    hub_model_id = target_name(recipe, account_name, launch_id)
    timeout = rehearsal.timeout if rehearsal else recipe.timeout
    settings = settings_for(recipe, preset, machine)
    chosen = _rewards(settings)
    # How several accelerators work together; "auto" lets the worker choose by the machine that it finds.
    launch = {"mode": "auto", **(preset.launch if preset else {})}
    config: dict[str, Any] = {
        # For the card, which others may read: without who paid and where the result went.
        "recipe_query": recipe.to_share().to_query(),
        "trainer": recipe.trainer,
        "model": recipe.model,
        # The facts are those of the revision that the recipe asks for, and a commit does not move as a branch does.
        "model_revision": model.sha or recipe.model_revision or "main",
        "dataset": recipe.dataset,
        "dataset_revision": _dataset_revision(recipe, dataset),
        "subset": recipe.subset,
        "split": recipe.split,
        "rows": recipe.rows,
        "mapping": mapping.to_dict(),
        "settings": _settings(recipe.trainer, settings),
        "test_split_size": settings.get("test_split_size"),
        "seed": int(settings.get("seed") or 42),
        "rewards": chosen,
        **_other_models(settings, teacher, reward_model),
        "launch": launch,
        "timeout": timeout,
        "rehearsal": rehearsal.steps if rehearsal else 0,
        "resume": recipe.resume,
        "hub_model_id": hub_model_id,
        "claim": label(launch_id),  # whose the repository has to be: see `hub.launch`
        "private": recipe.private,
        "goal": t(TRAINERS[recipe.trainer].goal, "en"),
        "card": _card(recipe, model, dataset, preset, machine, page, created_at),
    }
    needs = Needs(
        settings=settings,
        rewards=tuple(rewards.parse(spec)[0].id for spec, _ in chosen),
        vision=mapping.vision,
        launch=str(launch["mode"]),
        asked=preset.dependencies if preset else (),
    )
    script = make_script(config, requirements(needs))
    packed = pack(script)
    if len(packed) >= MAX_ARGUMENT:
        raise ValueError(f"the job's script needs {len(packed)} bytes; a job can carry {MAX_ARGUMENT}")
    shell = start.shell.replace("{packages}", shlex.join(requirements(needs, torch=start.uv)))
    name = hub_model_id.rpartition("/")[2]
    return JobSpec(
        image=start.name,
        command=["/bin/sh", "-c", shell, packed],
        environment={
            "PYTHONUNBUFFERED": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            RECIPE_VARIABLE: recipe.to_query(),
        },
        labels={
            LABEL: "1",
            LAUNCH_LABEL: label(launch_id),
            GOAL_LABEL: recipe.trainer,
            **group_label(recipe),
            "name": label(f"rehearsal-{name}" if rehearsal else name),
            **({REHEARSAL_LABEL: "1"} if rehearsal else {}),
            SHAPE_LABEL: estimate.run_shape(recipe, settings, machine),
        },
        flavor=machine.flavor,
        timeout_seconds=timeout,
        namespace=recipe.namespace or account_name,
        hub_model_id="" if rehearsal else hub_model_id,
        script=script,
        config=config,
        uv=UvRun("train.py") if start.uv else None,
    )


def _settings(trainer: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as TRL's parser takes them: what has a place of its own and what the worker decides left out."""
    kept = {name: value for name, value in sorted(settings.items()) if name not in FORCED and name not in _APART}
    # A preset may also hold what no recipe may set, such as hub_strategy; its file has plain values.
    known = {name: value for name, value in kept.items() if TRAINERS[trainer].field(name)}
    return {**kept, **trainers.to_trl(trainer, known)}


def _dataset_revision(recipe: Recipe, dataset: DatasetFacts) -> str:
    """The commit that was looked at when that is known; the facts of a dataset are those of its main branch."""
    asked = recipe.dataset_revision
    return dataset.sha if dataset.sha and asked in ("", "main") else asked or "main"


def _rewards(settings: Mapping[str, Any]) -> list[list[Any]]:
    """Each chosen reward with its weight, 1 where none was given."""
    specs = list(settings.get("reward_funcs") or ())
    weights = list(settings.get("reward_weights") or ())
    for spec in specs:
        rewards.parse(spec)
    return [[spec, float(weights[at]) if at < len(weights) else 1.0] for at, spec in enumerate(specs)]


def _other_models(
    settings: Mapping[str, Any], teacher: ModelFacts | None, reward_model: ModelFacts | None
) -> dict[str, Any]:
    """The reward model and the teacher, each pinned to what the Hub said of it."""
    found: dict[str, Any] = {}
    for name, setting, facts in (
        ("reward_model", "reward_model_name_or_path", reward_model),
        ("teacher", "teacher_model_name_or_path", teacher),
    ):
        found[name] = repo = str(settings.get(setting) or "")
        known = facts.sha if facts and facts.id == repo else None
        found[f"{name}_revision"] = (known or "main") if repo else ""
    # A weight beyond those of the rewards is the reward model's, which TRL counts last.
    count, weights = len(settings.get("reward_funcs") or ()), list(settings.get("reward_weights") or ())
    found["reward_model_weight"] = float(weights[count]) if len(weights) > count else 1.0
    return found


def _card(
    recipe: Recipe,
    model: ModelFacts,
    dataset: DatasetFacts,
    preset: Preset | None,
    machine: Machine,
    page: str,
    created_at: datetime | None,
) -> dict[str, str]:
    """What the model's card says beside the run's own figures."""
    trainer = TRAINERS[recipe.trainer]
    return {
        "trainer": trainer.title,
        "trainer_docs": trainer.docs,
        "preset": preset.title if preset else "",
        "machine": machine.title,
        "flavor": machine.flavor,
        "model_url": model.url,
        "dataset_url": dataset.url,
        "license": model.license or "",
        "timeout": write_duration(recipe.timeout),
        "page": page,
        "created_at": created_at.isoformat() if created_at else "",
    }


def target_name(recipe: Recipe, account_name: str, launch_id: str = "") -> str:
    """Return the id of the model that a run makes, such as `ada/qwen3-0.6b-capybara-sft-1f0c9a`.

    A run that goes on with an earlier one goes on in its repository. A name chosen in the recipe is kept (an owner is
    put before it when it has none). Without a launch id the name has no ending yet: it says what it will look like.
    """
    owner = recipe.namespace or account_name
    chosen = recipe.resume or recipe.hub_model_id
    if chosen:
        return chosen if "/" in chosen else f"{owner}/{chosen}"
    parts = [_slug(recipe.model.rpartition("/")[2], 40), _slug(recipe.dataset.rpartition("/")[2], 32), recipe.trainer]
    ending = _slug(label(launch_id), 8)[:6].strip("-.") if launch_id else ""
    return f"{owner}/" + "-".join(part for part in [*parts, ending] if part)


def group_label(recipe: Recipe) -> dict[str, str]:
    """The label of the recipe's group, {} without one."""
    return {GROUP_LABEL: recipe.group} if recipe.group else {}


def label(text: str) -> str:
    """Return `text` as the value of a job's label: at most 100 letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)[:100].strip("-")


def pack(script: str) -> str:
    """Return the script packed by bzip2 (a fifth less than gzip here) and in base64, the same for the same script."""
    return base64.b64encode(bz2.compress(script.encode("utf-8"), 9)).decode("ascii")


def make_script(config: Mapping[str, Any], packages: Iterable[str]) -> str:
    """Return the worker as one PEP 723 file with this configuration and all it carries inside."""
    worker = _HEADER.sub("", resources.worker_source())
    worker = _put(worker, _CONFIG_LINE, f"CONFIG: dict = {literal(config, 0)}")
    worker = _put(worker, _SOURCES_LINE, f"SOURCES: dict = {_sources(resources.embedded_sources())}")
    header = ["# /// script", f'# requires-python = "{PYTHON}"', "# dependencies = ["]
    header += [f'#   "{requirement}",' for requirement in packages]
    return "\n".join([*header, "# ]", "# ///", worker])


def _put(source: str, line: re.Pattern[str], replacement: str) -> str:
    if len(line.findall(source)) != 1:
        raise ValueError(f"worker/train.py must hold exactly one line like {line.pattern}")
    return line.sub(lambda _: replacement, source)


def _sources(sources: Mapping[str, str]) -> str:
    """Whole files by name, as a Python literal in which each can be read as it is."""
    return "{\n" + "".join(f"    {name!r}: {_long_text(text)},\n" for name, text in sources.items()) + "}"


def _long_text(text: str) -> str:
    """A Python string literal for a whole file: readable as it is when the file allows it."""
    if "'''" in text or text.endswith(("'", "\\")) or "\r" in text or "\0" in text:
        return repr(text)
    return f"r'''{text}'''"


def _slug(text: str, length: int) -> str:
    slug = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    # The Hub refuses two of these in a row and at the ends.
    return re.sub(r"([._-])[._-]+", r"\1", slug)[:length].strip("._-")
