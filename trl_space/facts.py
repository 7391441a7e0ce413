"""What the Hub told us, as plain immutable values.

`hub/` fills these in; every pure room (`checks`, `estimate`, `jobspec`, `presets`) reads them. A value that
could not be read is None, never a guess. Sizes are bytes, money is US dollars, times are aware datetimes in
UTC unless the name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True)
class RepoHit:
    """One line of a search for models or datasets (`GET /api/models`, `GET /api/datasets`)."""

    id: str
    gated: bool = False
    private: bool = False
    downloads: int | None = None
    likes: int | None = None
    last_modified: datetime | None = None
    params: int | None = None


@dataclass(frozen=True)
class TrainedModel:
    """A public model that TRL made in a job, as a list of the Hub shows it (`GET /api/models`).

    `base_model`, `dataset` ("" when they are not told) and `recipe_query` are what its card says: anybody's words, the
    first two at least names that a repository can have. `recipe_query` is read by `gallery.py` alone.
    """

    id: str
    tags: tuple[str, ...] = ()
    base_model: str = ""
    dataset: str = ""
    recipe_query: str = ""
    created_at: datetime | None = None
    downloads: int | None = None
    likes: int | None = None


@dataclass(frozen=True)
class ModelFacts:
    """A model on the Hub.

    `params` counts parameters, tied embeddings once; `dtypes` is the Hub's own count by dtype
    (`safetensors.parameters`), which holds them twice for some models. `config` is the repository's config.json,
    `access` whether this visitor can read the files. `weights` says in which form the weights are there: "safetensors"
    and "pytorch" can be trained, "gguf", "adapter" and "diffusion" cannot, "none" are not there; None when the files
    could not be listed. `license_name` is what the card calls a licence that is none of the usual ones
    (`license: other`). `tokenizer` names the content of tokenizer.json, so that two models can be compared ("" when
    there is no such file, None when nobody knows). `base_model` is the model this one was made from, as its card or
    its adapter says. `checkpoint` says whether a run left a state there that can be continued, and `left_by` with
    which trainer. `partial`: something that is there could not be read just now, so this is soon asked anew.
    """

    id: str
    sha: str | None = None
    gated: bool = False
    private: bool = False
    access: Literal["ok", "gated", "unknown"] = "unknown"
    params: int | None = None
    dtypes: Mapping[str, int] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    architectures: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    library_name: str | None = None
    license: str | None = None
    license_name: str | None = None
    weights: Literal["safetensors", "pytorch", "gguf", "adapter", "diffusion", "none"] | None = None
    chat_template: bool | None = None
    last_modified: datetime | None = None
    url: str = ""
    tokenizer: str | None = None
    base_model: str | None = None
    checkpoint: bool | None = None
    left_by: str | None = None
    partial: bool = False

    @property
    def text_config(self) -> Mapping[str, Any]:
        """The part of config.json that describes the language model; empty when there is no config."""
        config = self.config or {}
        inner = (config.get(name) for name in ("text_config", "llm_config", "language_config"))
        return next((part for part in inner if isinstance(part, Mapping)), config)

    @property
    def vocab_size(self) -> int | None:
        """How many different tokens the model's last layer can write, padding included; None when not known."""
        found = self.text_config.get("vocab_size", (self.config or {}).get("vocab_size"))
        return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None

    @property
    def context(self) -> int | None:
        """The longest text in tokens that the model was made for; None when not known."""
        found = self.text_config.get("max_position_embeddings")
        return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None

    @property
    def is_vlm(self) -> bool:
        """Whether the model reads pictures beside text."""
        config = self.config or {}
        return self.pipeline_tag in ("image-text-to-text", "any-to-any") or any(
            isinstance(config.get(name), Mapping) for name in ("vision_config", "visual", "vision_tower_config")
        )

    @property
    def needs_code(self) -> bool | None:
        """Whether loading the model runs a program that its makers put beside it; None when there is no config."""
        return None if self.config is None else bool(self.config.get("auto_map"))

    @property
    def is_judge(self) -> bool:
        """Whether the model gives scores or classes in place of writing."""
        return any(name.endswith("ForSequenceClassification") for name in self.architectures)


@dataclass(frozen=True)
class Lengths:
    """How long rows are for a model, in tokens.

    Args:
        counts: one number for each row that could be counted, in the order of the rows.
        dropped_roles: who speaks in the rows and is left out by the model's chat template.
        source: who counted: the model's own tokenizer, or a guess from the number of characters.
        problem: what went wrong or is not counted, as a sentence.
        failed: rows that the chat template refuses; TRL would stop at the first of them.
        empty: rows of which the chat template leaves nothing.
        marks_answers: whether the chat template says which words are the assistant's; None when not known.
        partial: the tokenizer could not be read from the Hub just now, so this is soon asked anew.
    """

    counts: tuple[int, ...] = ()
    dropped_roles: tuple[str, ...] = ()
    source: Literal["tokenizer", "estimate"] = "estimate"
    problem: str | None = None
    failed: int = 0
    empty: int = 0
    marks_answers: bool | None = None
    partial: bool = False


@dataclass(frozen=True)
class SplitFacts:
    """One split of one subset of a dataset (`/splits`, `/size` of the dataset viewer)."""

    subset: str
    split: str
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset on the Hub. `splits` is empty when neither the viewer nor streaming could tell.

    `viewer` is whether the dataset viewer shows it (None: it could not be asked), `viewer_problem` why it does not.
    `partial`: the viewer could not answer just now, so this is soon asked anew.
    """

    id: str
    sha: str | None = None
    gated: bool = False
    private: bool = False
    access: Literal["ok", "gated", "unknown"] = "unknown"
    license: str | None = None
    last_modified: datetime | None = None
    splits: tuple[SplitFacts, ...] = ()
    viewer: bool | None = None
    viewer_problem: str | None = None
    url: str = ""
    partial: bool = False


@dataclass(frozen=True)
class TargetFacts:
    """The repository that a run would save to.

    `exists` is whether it is there, `holds` what it holds then: "nothing" (no weights, and no claim of a run that may
    still save), "claim" (a run was started for it and has saved nothing yet) or "model" (saving would replace it).
    `private` is its own visibility, `writable` whether this visitor may write there. What could not be read is None.
    """

    id: str
    exists: bool | None = None
    holds: Literal["nothing", "claim", "model"] | None = None
    private: bool | None = None
    writable: bool | None = None


@dataclass(frozen=True)
class Measured:
    """What an earlier run of the same shape (`estimate.run_shape`) on the same machine needed, from its own log.

    `startup_seconds` is the time from the job's start to its first step, `peak_gib` the memory of one GPU at its peak.
    `run` is "owner/job_id", `rehearsal` whether it was a rehearsal.
    """

    seconds_per_step: float
    startup_seconds: float | None = None
    peak_gib: float | None = None
    steps: int = 0
    run: str = ""
    rehearsal: bool = False


@dataclass(frozen=True)
class Sample:
    """The first rows of a split. `source` says who gave them: the dataset viewer or streaming.

    `features` maps column names to the viewer's feature types (`{"dtype": "string", "_type": "Value"}`).
    `truncated` names cells that the viewer cut: `{row index: (column, ...)}`. `partial`: their whole content could not
    be read just now, so this is soon asked anew.
    """

    rows: tuple[Mapping[str, Any], ...]
    features: Mapping[str, Any]
    source: Literal["viewer", "stream"]
    truncated: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    rows_total: int | None = None
    partial: bool = False


@dataclass(frozen=True)
class Machine:
    """A hardware flavor of Hugging Face Jobs (`GET /api/jobs/hardware`).

    `vram_gb` is that of one accelerator, `accelerators` how many there are, `usd_per_minute` the live price.
    """

    flavor: str
    title: str
    cpu: str
    ram_gb: float | None
    disk_gb: float | None
    accelerator: str | None
    accelerators: int
    vram_gb: float | None
    usd_per_minute: float

    @property
    def usd_per_hour(self) -> float:
        """Price of an hour in US dollars."""
        return self.usd_per_minute * 60


@dataclass(frozen=True)
class Organisation:
    """An organisation the visitor belongs to; `role` is None when the token may not tell, `plan` for a free one."""

    name: str
    fullname: str
    role: str | None = None
    can_pay: bool | None = None
    avatar_url: str | None = None
    plan: str | None = None


@dataclass(frozen=True)
class Account:
    """The signed-in visitor (`GET /api/whoami-v2`). Never holds the token."""

    name: str
    fullname: str
    avatar_url: str | None = None
    is_pro: bool | None = None
    can_pay: bool | None = None
    orgs: tuple[Organisation, ...] = ()
    scopes: frozenset[str] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Run:
    """A job started here, as the Hub lists it. `recipe_query` is the recipe it carries, if it does.

    `stage` is the Hub's: SCHEDULING, RUNNING, COMPLETED, CANCELED, ERROR or DELETED. `command` is the beginning of the
    command line, as somebody wrote it. `running_seconds` is how long it has had its machine, as the Hub counts: None
    when it does not say. It grows while a job runs, which does not make it another one. `author` is who started it.
    """

    owner: str
    job_id: str
    stage: str
    message: str | None
    flavor: str | None
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    timeout: int | None
    labels: Mapping[str, str]
    environment: Mapping[str, str]
    url: str = ""
    command: str = ""
    running_seconds: float | None = field(default=None, compare=False)
    author: str = ""

    @property
    def ended(self) -> bool:
        """Whether the job will not change any more."""
        return self.stage not in ("SCHEDULING", "RUNNING")


@dataclass(frozen=True)
class Result:
    """What a run left on the Hub, as verified there; see `hub/result.py`.

    `problem` is None only when the commit the worker named exists, is newer than the job and carries
    weights with a readable header. `url` is the model card's address, given only then.
    """

    repo: str
    commit: str | None
    url: str | None
    problem: str | None
