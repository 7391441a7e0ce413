"""What is known to fail, found before money is spent.

    checks = run_checks(recipe, facts)
    launch_label(checks)     # "Choose a dataset", ..., and only then "Start training"

Each check is a small function that looks at the recipe and at what the Hub told us, and answers with a finished
`Check` or nothing. Their order in `_CHECKS` is the order in which they are shown and in which they should be
solved; whatever blocks has a title that says what to do, because the first of them is the launch button's label.
A fact that is not there is never taken for a good one: the check then says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from trl_space import estimate, formats
from trl_space.facts import Account, DatasetFacts, Machine, ModelFacts, Sample
from trl_space.formats import DatasetFormat
from trl_space.jobspec import target_name
from trl_space.presets import Preset, settings_for
from trl_space.recipe import Recipe, is_repo_id, write_duration
from trl_space.texts import t
from trl_space.trainers import TRAINERS

Level = Literal["blocks", "warns", "fine", "unknown"]

# Any one of these lets a job make the model's repository and push to it.
REPO_SCOPES = frozenset({"contribute-repos", "write-repos", "manage-repos"})
# The token must live longer than the job: time for the queue and the last push.
TOKEN_MARGIN = timedelta(minutes=15)


class Problem(Protocol):
    """Why something could not be read: `hub.errors.HubProblem` is one."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Fix:
    """The button beside a check. `kind` "link" opens `url`, "set" changes the recipe, "focus" goes to a part of the
    page (`target`), "sign_in" signs in."""

    kind: Literal["link", "set", "focus", "sign_in"]
    label: str
    url: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""


@dataclass(frozen=True)
class Check:
    """One answer. `title` is short, `reason` a sentence or two; texts are plain, never HTML."""

    id: str
    level: Level
    title: str
    reason: str = ""
    fix: Fix | None = None


@dataclass(frozen=True)
class Facts:
    """Everything the checks look at. What is not known (yet) is None.

    `model_problem` and `dataset_problem` say why reading failed. `target_taken` is whether a repository with the
    name of the result is there already. `endpoint` is the Hub's address, for links. `now` is the present moment.
    """

    model: ModelFacts | None = None
    dataset: DatasetFacts | None = None
    sample: Sample | None = None
    format: DatasetFormat | None = None
    machine: Machine | None = None
    account: Account | None = None
    preset: Preset | None = None
    target_taken: bool | None = None
    model_problem: Problem | None = None
    dataset_problem: Problem | None = None
    sample_problem: Problem | None = None
    machines: tuple[Machine, ...] = ()
    endpoint: str = "https://huggingface.co"
    now: datetime | None = None


def run_checks(recipe: Recipe, facts: Facts, lang: str = "en") -> tuple[Check, ...]:
    """Return all checks that apply, in the order in which they should be solved."""
    case = _Case(recipe, facts, lang)
    found = (check(case) for check in _CHECKS)
    return tuple(check for check in found if check is not None)


def blocking(checks: tuple[Check, ...]) -> Check | None:
    """Return the first check that stands in the way of a launch, or None."""
    return next((check for check in checks if check.level == "blocks"), None)


def launch_label(checks: tuple[Check, ...], lang: str = "en") -> str:
    """Return what the launch button says: the first thing to do, else that it starts."""
    first = blocking(checks)
    return first.title if first else t("launch.start", lang)


def row_mapping(recipe: Recipe, facts: Facts) -> formats.Mapping | None:
    """Return what makes the rows fit the recipe's trainer; None when nothing does or the rows are not known."""
    return formats.plan(facts.format, recipe.trainer, dict(recipe.mapping)) if facts.format else None


def whole_rows(sample: Sample | None) -> list[dict[str, Any]]:
    """Return the rows of a sample that the viewer did not cut, to be inspected; cut cells would look broken.

    When every row was cut, the cut cells are left out of the rows.
    """
    if sample is None:
        return []
    whole = [dict(row) for index, row in enumerate(sample.rows) if not sample.truncated.get(index)]
    if whole:
        return whole
    return [
        {name: None if name in sample.truncated.get(index, ()) else value for name, value in row.items()}
        for index, row in enumerate(sample.rows)
    ]


def split_rows(recipe: Recipe, facts: Facts) -> int | None:
    """Return how many rows the chosen split has, or None."""
    for split in facts.dataset.splits if facts.dataset else ():
        if split.split == recipe.split and (split.subset == recipe.subset or not recipe.subset):
            return split.rows if split.rows is not None else facts.sample.rows_total if facts.sample else None
    return facts.sample.rows_total if facts.sample else None


class _Case:
    """One recipe with its facts, and the few things that several checks need."""

    def __init__(self, recipe: Recipe, facts: Facts, lang: str) -> None:
        self.recipe, self.facts, self.lang = recipe, facts, lang
        self.settings = settings_for(recipe, facts.preset, facts.machine)
        self.mapping = row_mapping(recipe, facts)
        self.rows = whole_rows(facts.sample)

    def check(self, name: str, level: Level, fix: Fix | None = None, /, **values: object) -> Check:
        title, reason = t(f"check.{name}.title", self.lang, **values), t(f"check.{name}.reason", self.lang, **values)
        return Check(name, level, title, reason, fix)

    def fix(self, kind: Any, name: str, **more: Any) -> Fix:
        return Fix(kind, t(f"fix.{name}", self.lang), **more)

    def namespaces(self) -> set[str]:
        account = self.facts.account
        return {account.name, *(org.name for org in account.orgs)} if account else set()


# --- the model --------------------------------------------------------------------------------------------------


def _trainer(case: _Case) -> Check | None:
    if TRAINERS[case.recipe.trainer].ready:
        return None
    return case.check("trainer", "blocks", trainer=TRAINERS[case.recipe.trainer].title)


def _model(case: _Case) -> Check | None:
    recipe, facts = case.recipe, case.facts
    if not recipe.model:
        return case.check("model_missing", "blocks", case.fix("focus", "choose", target="model"))
    if not is_repo_id(recipe.model):
        return case.check("model_name", "blocks", case.fix("focus", "choose", target="model"), name=recipe.model)
    problem = facts.model_problem
    if problem is not None and problem.kind != "gated":
        return _unread(case, "model", problem)
    gated = problem is not None or (facts.model is not None and facts.model.gated and facts.model.access != "ok")
    if gated:
        return _gated(case, "model", recipe.model, facts.model.url if facts.model else "")
    if facts.model is None:
        return case.check("model_reading", "blocks")
    return _untrainable(case, facts.model) or case.check("model_fine", "fine")


def _untrainable(case: _Case, model: ModelFacts) -> Check | None:
    other = case.fix("focus", "choose_other", target="model")
    if model.library_name == "peft" or (model.config or {}).get("peft_type"):
        return case.check("model_adapter", "blocks", other)
    compressed = (model.config or {}).get("quantization_config")
    if isinstance(compressed, Mapping):
        how = str(compressed.get("quant_method", "?"))[:30]
        return case.check("model_compressed", "blocks", other, method=how)
    if model.config is None and not model.architectures:
        return case.check("model_weights", "blocks", other)
    writes = any(
        name.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")) for name in model.architectures
    )
    if model.architectures and not writes:
        return case.check("model_kind", "blocks", other, architecture=model.architectures[0][:60])
    if (model.config or {}).get("auto_map"):
        return case.check("model_code", "warns")
    return None


def _unread(case: _Case, what: str, problem: Problem) -> Check:
    named = {"not_found": "gone", "unauthorized": "forbidden", "forbidden": "forbidden"}
    name = named.get(problem.kind, "unread")
    fix = case.fix("focus", "choose_other", target=what) if name == "gone" else None
    if name == "forbidden" and case.facts.account is None:
        fix = case.fix("sign_in", "sign_in")
    check = case.check(f"{what}_{name}", "blocks", fix)
    return Check(check.id, check.level, check.title, problem.sentence or check.reason, check.fix)


def _gated(case: _Case, what: str, name: str, url: str) -> Check:
    prefix = "datasets/" if what == "dataset" else ""
    link = case.fix("link", "licence", url=url or f"{case.facts.endpoint}/{prefix}{name}")
    if case.facts.account is None:
        # Nobody can say for a visitor we do not know; signing in comes last and answers it.
        return case.check(f"{what}_gated_unknown", "unknown", link)
    return case.check(f"{what}_gated", "blocks", link)


# --- the data ---------------------------------------------------------------------------------------------------


def _dataset(case: _Case) -> Check | None:
    recipe, facts = case.recipe, case.facts
    if not recipe.dataset:
        return case.check("dataset_missing", "blocks", case.fix("focus", "choose", target="dataset"))
    if not is_repo_id(recipe.dataset):
        return case.check("dataset_name", "blocks", case.fix("focus", "choose", target="dataset"), name=recipe.dataset)
    problem = facts.dataset_problem
    if problem is not None and problem.kind != "gated":
        return _unread(case, "dataset", problem)
    if problem is not None or (facts.dataset is not None and facts.dataset.gated and facts.dataset.access != "ok"):
        return _gated(case, "dataset", recipe.dataset, facts.dataset.url if facts.dataset else "")
    if facts.dataset is None:
        return case.check("dataset_reading", "blocks")
    return None


def _split(case: _Case) -> Check | None:
    dataset, recipe = case.facts.dataset, case.recipe
    if dataset is None or not recipe.dataset:
        return None
    focus = case.fix("focus", "choose", target="split")
    subsets = sorted({split.subset for split in dataset.splits})
    if not recipe.split:
        return case.check("split_missing", "blocks", focus)
    if dataset.splits and not recipe.subset and len(subsets) > 1:
        return case.check("subset_missing", "blocks", focus)
    there = any(
        split.split == recipe.split and (not recipe.subset or split.subset == recipe.subset) for split in dataset.splits
    )
    # "train[:10%]" and the like are slices that the `datasets` library cuts itself.
    if dataset.splits and not there and "[" not in recipe.split:
        return case.check("split_gone", "blocks", focus, split=recipe.split)
    return None


def _rows(case: _Case) -> Check | None:
    facts, recipe = case.facts, case.recipe
    if facts.dataset is None or not recipe.split:
        return None
    if facts.format is None or not case.rows:
        reason = facts.sample_problem.sentence if facts.sample_problem else ""
        check = case.check("rows_unknown", "unknown")
        return Check(check.id, check.level, check.title, reason or check.reason)
    if facts.format.vision:
        return case.check("rows_pictures", "blocks", case.fix("focus", "choose_other", target="dataset"))
    if case.mapping is None:
        return _no_mapping(case, facts.format)
    reasons = Counter(
        mapped.problem for mapped in (formats.apply(case.mapping, row) for row in case.rows) if mapped.problem
    )
    bad = sum(reasons.values())
    if bad:
        reason = reasons.most_common(1)[0][0]
        level: Level = "blocks" if bad == len(case.rows) else "warns"
        name = "rows_useless" if level == "blocks" else "rows_some"
        return case.check(name, level, bad=bad, rows=len(case.rows), reason=reason)
    return case.check("rows_fine" if case.mapping.empty else "rows_mapped", "fine")


def _no_mapping(case: _Case, fmt: DatasetFormat) -> Check:
    """The rows do not fit; where an answer of the visitor would make them fit, offer it."""
    for answer in ("chosen", "good"):
        choices = {**case.recipe.mapping, "answer": answer}
        if formats.plan(fmt, case.recipe.trainer, choices) is not None:
            fix = case.fix("set", f"answer_{answer}", changes={"mapping": choices})
            return case.check(f"rows_{answer}", "blocks", fix)
    name = "rows_no_answer" if fmt.type == "prompt_only" or fmt.layout == "questions" else "rows_unfit"
    return case.check(name, "blocks", case.fix("focus", "choose_other", target="dataset"))


def _template(case: _Case) -> Check | None:
    model, mapping = case.facts.model, case.mapping
    if model is None or mapping is None or not mapping.conversational:
        return None
    if model.chat_template:
        return None
    if model.chat_template is None:
        return case.check("template_unknown", "unknown")
    choices = {**case.recipe.mapping, "style": "text"}
    plain = formats.plan(case.facts.format, case.recipe.trainer, choices) if case.facts.format else None
    if plain is not None and not plain.conversational:
        fix = case.fix("set", "plain_text", changes={"mapping": choices})
        return case.check("template_text", "blocks", fix)
    return case.check("template_missing", "blocks", case.fix("focus", "choose_other", target="model"))


def _answers_only(case: _Case) -> Check | None:
    if not case.settings.get("assistant_only_loss") or case.mapping is None:
        return None
    if case.mapping.type == "language_modeling" and case.mapping.conversational:
        return None
    others = {name: value for name, value in case.recipe.settings.items() if name != "assistant_only_loss"}
    return case.check("answers_only", "blocks", case.fix("set", "turn_off", changes={"settings": others}))


def _length(case: _Case) -> Check | None:
    limit = case.settings.get("max_length", estimate.DEFAULTS["max_length"])
    if not case.rows or case.mapping is None or case.mapping.type == "pretokenized":
        return None
    lengths = [estimate.mean_tokens([row]) or 0 for row in _made_rows(case)]
    cut = sum(length > float(limit) for length in lengths)
    if not lengths or cut * 20 < len(lengths):
        return None
    longest = max(lengths)
    room = next((size for size in (256, 512, 1024, 2048, 4096, 8192) if size > longest * 1.1), None)
    fix = (
        case.fix("set", "longer", changes={"settings": {**case.recipe.settings, "max_length": room}}) if room else None
    )
    return case.check("rows_long", "warns", fix, percent=round(100 * cut / len(lengths)), length=limit)


def _made_rows(case: _Case) -> list[dict[str, Any]]:
    mapping = case.mapping
    if mapping is None:
        return []
    kept = ("messages", "conversations", "prompt", "completion", "text", "chosen", "rejected")
    made = (row for each in case.rows for row in formats.apply(mapping, each).rows)
    return [{name: value for name, value in row.items() if name in kept} for row in made]


# --- preset and machine -----------------------------------------------------------------------------------------


def _preset(case: _Case) -> Check | None:
    preset, model = case.facts.preset, case.facts.model
    if case.recipe.preset and (preset is None or preset.id != case.recipe.preset):
        return case.check("preset_gone", "warns", name=case.recipe.preset)
    if preset is not None and model is not None and model.params and not preset.suits(model.params):
        return case.check("preset_size", "warns", preset=preset.title)
    return None


def _machine(case: _Case) -> Check | None:
    facts, recipe = case.facts, case.recipe
    focus = case.fix("focus", "choose", target="machine")
    if not recipe.flavor:
        return case.check("machine_missing", "blocks", focus)
    if facts.machine is None or facts.machine.flavor != recipe.flavor:
        known = any(machine.flavor == recipe.flavor for machine in facts.machines)
        name = "machine_gone" if facts.machines and not known else "machine_reading"
        return case.check(name, "blocks", focus if name == "machine_gone" else None, flavor=recipe.flavor)
    if facts.model is None:
        return None
    needed = estimate.memory(
        facts.model.config,
        facts.model.params,
        {**case.settings, "trainer": recipe.trainer},
        max(1, facts.machine.accelerators),
    )
    word = estimate.verdict(needed, facts.machine)
    values = {"machine": facts.machine.title, "gib": max(1, round(needed.gib or 0))}
    if word == "will not fit":
        return case.check("machine_small", "blocks", _bigger(case) or focus, **values)
    if word == "tight":
        return case.check("machine_tight", "warns", _bigger(case), **values)
    if word == "unknown":
        return case.check("machine_unknown", "unknown", **values)
    return case.check("machine_fine", "fine", **values)


def _bigger(case: _Case) -> Fix | None:
    if not case.facts.machines:
        return None
    flavor = estimate.recommend(
        case.facts.machines,
        case.recipe,
        case.settings,
        case.facts.model,
        split_rows(case.recipe, case.facts),
        estimate.mean_tokens(_made_rows(case)),
    )
    title = next((machine.title for machine in case.facts.machines if machine.flavor == flavor), "")
    if not flavor or flavor == case.recipe.flavor:
        return None
    return Fix("set", t("fix.use_machine", case.lang, machine=title), changes={"flavor": flavor})


def _time(case: _Case) -> Check | None:
    facts, recipe = case.facts, case.recipe
    if facts.machine is None or facts.model is None:
        return None
    rows = split_rows(recipe, facts)
    made = estimate.mean_tokens(_made_rows(case))
    time = estimate.time_seconds(recipe, case.settings, facts.model, facts.machine, rows, made)
    if time.seconds is None or time.seconds <= recipe.timeout * 0.8:
        return None
    longer = int(-(-time.seconds * 2 // 1800) * 1800)
    fix = Fix(
        "set",
        t("fix.raise_limit", case.lang, limit=write_duration(longer)),
        changes={"timeout": min(longer, 7 * 24 * 3600)},
    )
    name = "time_short" if time.seconds > recipe.timeout else "time_near"
    minutes = max(1, round(time.seconds / 60))
    return case.check(name, "warns", fix, minutes=minutes, limit=write_duration(recipe.timeout))


# --- the account ------------------------------------------------------------------------------------------------


def _payer(case: _Case) -> Check | None:
    if case.facts.account is None or not case.recipe.namespace:
        return None
    if case.recipe.namespace in case.namespaces():
        return None
    fix = case.fix("set", "pay_self", changes={"namespace": ""})
    return case.check("payer", "blocks", fix, namespace=case.recipe.namespace)


def _target(case: _Case) -> Check | None:
    recipe, account = case.recipe, case.facts.account
    name = recipe.hub_model_id
    if name and not is_repo_id(name):
        return case.check("target_name", "blocks", case.fix("focus", "rename", target="hub_model_id"), name=name)
    if not name or account is None:
        return None
    full = target_name(recipe, account.name)
    if full.partition("/")[0] not in case.namespaces():
        fix = case.fix("set", "default_name", changes={"hub_model_id": ""})
        return case.check("target_owner", "blocks", fix, owner=full.partition("/")[0])
    if case.facts.target_taken:
        fix = case.fix("set", "default_name", changes={"hub_model_id": ""})
        return case.check("target_taken", "warns", fix, name=full)
    return None


def _scopes(case: _Case) -> Check | None:
    account = case.facts.account
    if account is None or account.scopes is None:
        return None
    if "jobs" not in account.scopes:
        return case.check("scope_jobs", "blocks", case.fix("sign_in", "sign_in_again"))
    if not account.scopes & REPO_SCOPES:
        return case.check("scope_repos", "blocks", case.fix("sign_in", "sign_in_again"))
    return None


def _expiry(case: _Case) -> Check | None:
    account = case.facts.account
    if account is None or account.expires_at is None:
        return None
    now = case.facts.now or datetime.now(UTC)
    if account.expires_at <= now:
        return case.check("token_expired", "blocks", case.fix("sign_in", "sign_in_again"))
    if account.expires_at < now + timedelta(seconds=case.recipe.timeout) + TOKEN_MARGIN:
        fix = case.fix("sign_in", "sign_in_again")
        return case.check("token_short", "blocks", fix, limit=write_duration(case.recipe.timeout))
    return None


def _pays(case: _Case) -> Check | None:
    account = case.facts.account
    if account is None:
        return None
    payer: Any = next((org for org in account.orgs if org.name == case.recipe.namespace), account)
    if payer.can_pay is not False:
        return None
    # Credit that was paid in advance does not show here, so this cannot be known to fail.
    path = "/settings/billing" if payer is account else f"/organizations/{payer.name}/settings/billing"
    return case.check("pay", "warns", case.fix("link", "billing", url=case.facts.endpoint + path), payer=payer.name)


def _signed_in(case: _Case) -> Check | None:
    if case.facts.account is not None:
        return None
    return case.check("sign_in", "blocks", case.fix("sign_in", "sign_in"))


# The order in which they are shown and solved; signing in comes last, so that everybody can try everything first.
_CHECKS: tuple[Callable[[_Case], Check | None], ...] = (
    _model,
    _trainer,
    _dataset,
    _split,
    _rows,
    _template,
    _answers_only,
    _length,
    _preset,
    _machine,
    _time,
    _target,
    _payer,
    _scopes,
    _expiry,
    _pays,
    _signed_in,
)
