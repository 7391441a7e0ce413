"""Train one model with TRL on one dataset of the Hugging Face Hub, and push the result there.

This file runs inside a job, alone: `uv run train.py`, with a token in the environment variable HF_TOKEN. What to
train stands in `CONFIG` below; how rows become what TRL takes stands in `FORMATS_SOURCE`. It checks the rows before
it downloads the model, trains with TRL's own trainer, saves checkpoints to the Hub on the way, and pushes the model
with a card that says how it was made.

Beside its ordinary output it prints one line per event, `::trl-space {"event": ...}`:

    phase   {"phase": "downloading" | "training" | "saving"}
    data    {"rows": 1990, "dropped": 10}              rows that are trained on, rows left out
    begin   {"step": 0, "total": 300}
    log     {"step", "total", "epoch", "metrics": {name: number}}
    save    {"step": 100}                              a checkpoint was written
    pushed  {"repo", "commit", "url"}                  the final commit; nothing else means that a run is finished
    failed  {"kind", "message"}                        what went wrong, in one plain sentence
    stopped {"message"}                                somebody asked the job to stop
    done    {}
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import sys
import time
import traceback
import types
import warnings
from itertools import islice
from pathlib import Path

CONFIG: dict = {}  # replaced: the run's configuration
FORMATS_SOURCE = ""  # replaced: trl_space/formats.py, verbatim

PEEK = 50  # rows that are checked before anything large is downloaded
STREAMED = 20_000  # row limits up to this are read from the start of the dataset without downloading all of it
PUSH_ATTEMPTS = 5
# Settings that say where things are and how they are reported, not how the model was trained.
NOT_SHOWN = ("output_", "push_", "hub_", "report_", "disable_", "model_", "dataset_", "logging_", "save_")
TAKES = {"sft": ("language_modeling", "prompt_completion", "pretokenized")}


class Problem(Exception):
    """A failure that can be said in one plain sentence; `kind` names it for the page."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


# --- What the page reads ---------------------------------------------------------------------------------------


def first_process() -> bool:
    """Whether this process speaks for the run: with several GPUs there is one process for each."""
    return os.environ.get("RANK", "0") == "0"


def emit(event: str, **values: object) -> None:
    """Print one event. Written in one piece, so that other output cannot get in between."""
    if first_process():
        text = "::trl-space " + json.dumps({"event": event, **values}, ensure_ascii=True, allow_nan=False)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def say(text: str) -> None:
    """Print a line for people."""
    if first_process():
        print(text, flush=True)


def numbers(logs: dict) -> dict:
    """The finite numbers of a log entry; JSON has no word for the others."""
    return {
        name: float(value)
        for name, value in logs.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


def on_stop(signum: int, frame: object) -> None:
    """Say that the job was asked to stop, and end at once: an upload under way must not look finished."""
    if first_process():
        line = '\n::trl-space {"event": "stopped", "message": "The run was stopped before it was finished."}\n'
        os.write(1, line.encode())
    os._exit(128 + signum)


# --- What went wrong -------------------------------------------------------------------------------------------


def chain(error: BaseException) -> list[BaseException]:
    """An exception and what caused it, outermost first."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found


def explain(error: BaseException, doing: str, subject: str = "") -> tuple[str, str]:
    """The kind of a failure and one sentence about it.

    Args:
        doing: "data", "model", "training" or "saving": what was being done.
        subject: the repository this was about.
    """
    errors = chain(error)
    for one in errors:
        if isinstance(one, Problem):
            return one.kind, str(one)
    names = {cls.__name__ for one in errors for cls in type(one).__mro__}
    text = " ".join(str(one) for one in errors)
    low = text.lower()
    status = next((s for one in errors if (s := status_of(one))), None)
    if "GatedRepoError" in names or "gated dataset" in low or "gated repo" in low:
        return "gated", f"{subject} is gated: its licence has to be accepted on its page with this account first."
    if "OutOfMemoryError" in names or "out of memory" in low or "MemoryError" in names:
        return "oom", "The machine ran out of memory: take a bigger machine, shorter rows or fewer rows at once."
    if any(getattr(one, "errno", None) == 28 for one in errors) or "no space left on device" in low:
        return "disk_full", "The machine's disk is full: take a machine with a bigger disk or save less often."
    if status == 401 or "invalid credentials" in low or "invalid user token" in low:
        return "token", "The Hub did not accept the token: it has expired, was taken back or is missing."
    if doing == "saving":
        return "push_failed", f"The model could not be saved to {subject} on the Hub: {first_line(error)}"
    if names & {"RepositoryNotFoundError", "RevisionNotFoundError", "DatasetNotFoundError", "EntryNotFoundError"}:
        return "not_found", f"{subject} was not found on the Hub, or this account may not read it."
    if status == 403:
        return "token", f"The token does not allow reading {subject}."
    if names & {"ConnectError", "ConnectTimeout", "ReadTimeout", "ConnectionError", "TimeoutException", "ReadError"}:
        return "network", "The Hub could not be reached."
    if status is not None and status >= 500:
        return "network", f"The Hub had a fault (HTTP {status})."
    if "ImportError" in names:
        return "import_error", f"A Python package is missing or does not fit: {first_line(error)}"
    if "chat_template" in low or "chat template" in low:
        return "chat_template", f"The chat template of the model does not fit these rows: {first_line(error)}"
    if doing == "data":
        return "dataset_format", f"The rows of {subject} could not be read: {first_line(error)}"
    return "other", f"{type(error).__name__}: {first_line(error)}"


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an exception carries, if it does."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, cut to a length that fits a page."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


# --- The rows --------------------------------------------------------------------------------------------------


def load_formats(source: str) -> types.ModuleType:
    """The module that knows dataset layouts, made from its text."""
    module = types.ModuleType("trl_space_formats")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(compile(source, "formats.py", "exec"), module.__dict__)
    return module


class Rows:
    """Applies a mapping to rows and counts what had to be left out and why."""

    def __init__(self, formats: types.ModuleType, mapping: dict | None) -> None:
        self.formats = formats
        self.mapping = formats.Mapping.from_dict(mapping or {})
        self.seen = self.dropped = 0
        self.problem = ""

    def apply(self, row: dict) -> list[dict]:
        """The rows that one row of the dataset becomes: none when it cannot be used."""
        self.seen += 1
        mapped = self.formats.apply(self.mapping, row)
        if mapped.problem or not mapped.rows:
            self.dropped += 1
            self.problem = self.problem or mapped.problem or "nothing to learn from in it"
            return []
        return list(mapped.rows)

    def batch(self, columns: dict[str, list]) -> dict[str, list]:
        """The same for `Dataset.map(batched=True)`, which hands over columns."""
        names = list(columns)
        found = zip(*columns.values(), strict=True)
        rows = [new for values in found for new in self.apply(dict(zip(names, values, strict=True)))]
        keys = list(dict.fromkeys(key for row in rows for key in row))
        return {key: [row.get(key) for row in rows] for key in keys}


def check_rows(rows: list[dict], counter: Rows, trainer: str, subject: str) -> bool:
    """Whether the rows are conversations; raises Problem when this trainer cannot take them."""
    if counter.seen == 0:
        raise Problem("dataset_format", f"{subject} has no rows.")
    if not rows:
        raise Problem("dataset_format", f"No row of {subject} can be used: {counter.problem}.")
    found = counter.formats.inspect(rows)
    if found.type not in TAKES[trainer]:
        what = str(found.type).replace("_", " ") if found.type else "rows in a layout that TRL does not take as it is"
        wanted = " or ".join(name.replace("_", " ") for name in TAKES[trainer])
        raise Problem("dataset_format", f"{subject} has {what}, but {trainer.upper()} needs {wanted}.")
    return bool(found.conversational)


def read_rows(config: dict, counter: Rows, token: str):
    """The mapped training set as a `datasets.Dataset`, and whether it is conversational.

    The first rows are streamed and checked before the rest is fetched. A small row limit reads only that many.
    """
    import datasets

    datasets.disable_progress_bars()
    subject, limit, split = config["dataset"], config.get("rows"), config.get("split") or "train"
    where = {
        "path": config["dataset"],
        "name": config.get("subset") or None,
        "revision": config.get("dataset_revision") or None,
        "token": token,
    }
    try:
        stream = iter(datasets.load_dataset(**where, split=split, streaming=True))
        peeked = list(islice(stream, min(PEEK, limit or PEEK)))
    except (ValueError, KeyError) as error:
        if "split" in str(error).lower() or "config" in str(error).lower():
            raise Problem("not_found", f"{subject} has no split or subset of that name: {first_line(error)}") from error
        raise
    conversational = check_rows(
        [new for row in peeked for new in counter.apply(row)], counter, config["trainer"], subject
    )
    counter.seen = counter.dropped = 0
    if limit and limit <= STREAMED:
        more = islice(stream, max(0, limit - len(peeked)))
        found = [new for rows in (peeked, more) for row in rows for new in counter.apply(row)]
        return datasets.Dataset.from_list(found), conversational
    whole = datasets.load_dataset(**where, split=f"{split}[:{int(limit)}]" if limit else split)
    mapped = whole.map(counter.batch, batched=True, remove_columns=whole.column_names, load_from_cache_file=False)
    return mapped, conversational


def dataset_commit(config: dict) -> tuple[str, bool]:
    """The dataset's commit, so that the card can name it, and whether everybody may read the dataset."""
    from huggingface_hub import HfApi

    info = HfApi().dataset_info(config["dataset"], revision=config.get("dataset_revision") or None)
    return info.sha or "", not (info.private or info.gated)


def example_prompt(row: dict) -> object:
    """What a row asks, for the card's example: messages, text, or None when it is not clear or too long."""
    value = row.get("messages") or row.get("prompt")
    if isinstance(value, list):
        user = next((m for m in value if isinstance(m, dict) and m.get("role") == "user"), None)
        content = user.get("content") if user else None
        return [{"role": "user", "content": content}] if isinstance(content, str) and len(content) < 300 else None
    if isinstance(value, str):
        return value if len(value) < 300 else None
    text = row.get("text")
    return " ".join(text.split()[:5]) if isinstance(text, str) and text.strip() else None


# --- The settings ----------------------------------------------------------------------------------------------


def complete_settings(config: dict, output: Path, accelerator: str) -> dict:
    """All arguments for TRL's parser: the run's own and what this file decides.

    Args:
        accelerator: "none", "no-bf16" (a GPU that only emulates bfloat16, such as the T4) or "bf16".
    """
    settings = {
        "hub_strategy": "every_save",
        "save_total_limit": 1,
        "logging_first_step": True,
        "report_to": "none",
        **{name: value for name, value in config.get("settings", {}).items() if value is not None},
        "model_name_or_path": config["model"],
        "output_dir": str(output),
        "push_to_hub": True,
        "hub_model_id": config["hub_model_id"],
        "hub_private_repo": bool(config.get("private", True)),
        "disable_tqdm": True,
        "trust_remote_code": False,  # code from a model's repository would run with the account's token
    }
    if config.get("model_revision"):
        settings["model_revision"] = config["model_revision"]
    if accelerator == "none":
        settings |= {"use_cpu": True, "bf16": False, "fp16": False, "dtype": "float32"}
    elif accelerator == "no-bf16" and not settings.get("load_in_4bit"):
        # Full training keeps float32 weights: a gradient scaler cannot work on float16 ones.
        settings |= {"bf16": False, "fp16": True, "dtype": "float16" if settings.get("use_peft") else "float32"}
    return settings


def find_accelerator() -> tuple[str, int]:
    """What kind of accelerator there is, as `complete_settings` wants it, and how many."""
    import torch

    if os.environ.get("ACCELERATOR", "").lower() in ("none", "cpu") or not torch.cuda.is_available():
        return "none", 0
    exact = torch.cuda.is_bf16_supported(including_emulation=False)
    return ("bf16" if exact else "no-bf16"), torch.cuda.device_count()


def parse_settings(settings: dict, folder: Path) -> tuple:
    """TRL's own four argument objects for these settings; an unknown or bad one raises Problem."""
    from trl.scripts.sft import make_parser

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"settings-{os.environ.get('RANK', '0')}.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML, and needs no library to write
    try:
        return make_parser().parse_args_and_config(args=["--config", str(path)], fail_with_unknown_args=True)
    except (ValueError, TypeError) as error:
        raise Problem("bad_argument", f"TRL does not take these settings: {first_line(error)}") from error
    except SystemExit as error:
        raise Problem("bad_argument", "TRL does not take these settings; the lines above say which.") from error
    finally:
        path.unlink(missing_ok=True)


# --- The card --------------------------------------------------------------------------------------------------


def card(facts: dict) -> str:
    """The model card as Markdown. `facts`: see `card_facts`; every text in it is treated as foreign."""
    config, result = facts["config"], facts.get("result")
    repo, model, dataset = config["hub_model_id"], config["model"], config["dataset"]
    peft = bool(config.get("settings", {}).get("use_peft"))
    tags = ["generated_from_trainer", "trl", config["trainer"], "trl-space"]
    tags += ["lora"] * peft + ["hf_jobs"] * bool(facts.get("job_id"))
    quote = json.dumps  # a JSON string is a YAML string, whatever is in it
    head = ["---", f"base_model: {quote(model)}"]
    head += ["base_model_relation: " + ("adapter" if peft else "finetune")]
    head += ["datasets:", f"- {quote(dataset)}", f"library_name: {'peft' if peft else 'transformers'}"]
    if config.get("card", {}).get("license"):
        head += [f"license: {quote(config['card']['license'])}"]
    head += [f"model_name: {quote(repo.split('/')[-1])}", "pipeline_tag: text-generation", "tags:"]
    head += [f"- {tag}" for tag in tags] + ["---"]
    body = [f"# {repo.split('/')[-1]}", ""]
    if result is None:
        body += [
            f"> **Not finished.** This is a checkpoint after step {facts.get('step', 0)} of "
            f"{facts.get('total') or '?'}. If the run has ended, it was stopped before the end.",
            "",
        ]
    urls = f"{facts['endpoint']}/{model}", f"{facts['endpoint']}/datasets/{dataset}"
    body += [
        f"[{model}]({urls[0]}), trained further on [{dataset}]({urls[1]})"
        f" with [TRL](https://github.com/huggingface/trl){' as a LoRA adapter' if peft else ''}."
    ]
    body += ["", "| | |", "|---|---|", *(f"| {name} | {cell(value)} |" for name, value in card_rows(facts))]
    if result is not None and facts.get("prompt") is not None:
        body += ["", "## Try it", "", "```python", snippet(repo, facts["prompt"]), "```"]
    body += ["", "## Settings", "", "| TRL argument | value |", "|---|---|"]
    settings = config.get("settings", {})
    body += [
        f"| {cell(name)} | {cell(settings[name])} |" for name in sorted(settings) if not name.startswith(NOT_SHOWN)
    ]
    body += ["", "## Versions", "", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())]
    page, query = config.get("card", {}).get("page"), config.get("recipe_query")
    if query:
        body += ["", "## Train your own", ""]
        link = f"[Open this recipe]({page.rstrip('/')}/?{query}): " if page else "The recipe of this run: "
        body += [link + "open it in TRL Space, change what you like and start it on your own account.", ""]
        body += ["```", query.replace("`", "%60"), "```"]
    return "\n".join([*head, "", *body]) + "\n"


def card_rows(facts: dict) -> list[tuple[str, object]]:
    """The lines of the card's first table: what was done, on what, with what result."""
    config, result = facts["config"], facts.get("result") or {}
    rows: list[tuple[str, object]] = [("Base model", config["model"] + at(config.get("model_revision")))]
    rows += [("Dataset", config["dataset"] + at(facts.get("dataset_sha")))]
    part = ", ".join(f"{name} {config[name]}" for name in ("subset", "split") if config.get(name))
    rows += [("Part of it", part)] * bool(part)
    dropped = f", {facts['dropped']} left out" if facts.get("dropped") else ""
    rows += [("Rows", f"{facts['rows']}{dropped}")]
    rows += [("Goal", config["goal"])] * bool(config.get("goal"))
    rows += [("Method", config["trainer"].upper())]
    extra = config.get("card", {})
    rows += [(name.capitalize(), extra[name]) for name in ("preset", "machine") if extra.get(name)]
    for name, key in (
        ("Steps", "steps"),
        ("First loss", "first_loss"),
        ("Last loss", "last_loss"),
        ("Training time", "time"),
    ):
        if result.get(key) is not None:
            rows.append((name, result[key]))
    return rows


def at(revision: object) -> str:
    """A revision as the card writes it behind a repository's name."""
    return f" @ {str(revision)[:12]}" if revision else ""


def cell(value: object) -> str:
    """A value as code in a Markdown table, whatever it contains."""
    text = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return f"`{text[:300]}`"


def snippet(repo: str, prompt: object) -> str:
    """Python that runs the model on one example."""
    return "\n".join(
        (
            "from transformers import pipeline",
            "",
            f"generator = pipeline('text-generation', model={json.dumps(repo)})",
            f"prompt = {json.dumps(prompt)}",
            "print(generator(prompt, max_new_tokens=128, return_full_text=False)[0]['generated_text'])",
        )
    )


def versions() -> dict[str, str]:
    """The versions of the libraries that made the model."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": sys.version.split()[0]}
    for name in ("trl", "transformers", "torch", "datasets", "peft", "accelerate"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


# --- The run ---------------------------------------------------------------------------------------------------


def check_tokenizer(config: dict, conversational: bool) -> None:
    """Fail before the weights are downloaded when conversations meet a model without a chat template."""
    if not conversational:
        return
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(config["model"], revision=config.get("model_revision") or "main")
    if not tokenizer.chat_template and not config.get("settings", {}).get("chat_template_path"):
        raise Problem(
            "chat_template",
            f"{config['model']} has no chat template, but {config['dataset']} has conversations: "
            "choose a model made for chat, or rows of plain text.",
        )


def make_trainer(config: dict, facts: dict, dataset, parsed: tuple):
    """TRL's trainer for this run, with our card and our events."""
    from transformers import PrinterCallback, TrainerCallback
    from trl import SFTTrainer, get_peft_config, get_quantization_config

    _, arguments, model_arguments, _ = parsed
    arguments.model_init_kwargs = {
        "revision": model_arguments.model_revision,
        "attn_implementation": model_arguments.attn_implementation,
        "dtype": model_arguments.dtype,
        **(arguments.model_init_kwargs or {}),
    }

    class Trainer(SFTTrainer):
        def create_model_card(self, *args: object, **kwargs: object) -> None:
            """Our card in place of TRL's; also after PEFT wrote its own."""
            if self.is_world_process_zero():
                facts.update(step=self.state.global_step, total=self.state.max_steps)
                Path(self.args.output_dir, "README.md").write_text(card(facts), encoding="utf-8")

    class Events(TrainerCallback):
        diverged = 0

        def on_train_begin(self, args, state, control, **kwargs):
            emit("phase", phase="training")
            emit("begin", step=state.global_step, total=state.max_steps)

        def on_log(self, args, state, control, logs=None, **kwargs):
            logs = logs or {}
            emit("log", step=state.global_step, total=state.max_steps, epoch=state.epoch, metrics=numbers(logs))
            bad = any(isinstance(logs.get(k), float) and not math.isfinite(logs[k]) for k in ("loss", "grad_norm"))
            self.diverged = self.diverged + 1 if bad else 0
            if self.diverged >= 5:
                raise Problem(
                    "diverged",
                    f"The training went astray at step {state.global_step}: the numbers grew without bound. "
                    "A smaller learning rate usually helps.",
                )

        def on_save(self, args, state, control, **kwargs):
            emit("save", step=state.global_step)

    held_back = {}
    if str(getattr(arguments.eval_strategy, "value", arguments.eval_strategy)) != "no":
        parts = dataset.train_test_split(test_size=0.05, seed=42)
        dataset, held_back = parts["train"], {"eval_dataset": parts["test"]}
    trainer = Trainer(
        model=model_arguments.model_name_or_path,
        args=arguments,
        train_dataset=dataset,
        quantization_config=get_quantization_config(model_arguments),
        peft_config=get_peft_config(model_arguments),
        callbacks=[Events()],
        **held_back,
    )
    trainer.remove_callback(PrinterCallback)  # the events carry the same numbers, and the step
    return trainer


def outcome(history: list[dict], seconds: float, steps: int) -> dict:
    """What the card says of the training: first and last loss, steps and time."""
    losses = [entry["loss"] for entry in history if isinstance(entry.get("loss"), (int, float))]
    return {
        "steps": steps,
        "first_loss": f"{losses[0]:.4g}" if losses else None,
        "last_loss": f"{losses[-1]:.4g}" if losses else None,
        "time": f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min",
    }


def push(trainer, config: dict, output: Path) -> str:
    """Push the finished model and return the commit that holds it, compared with the files on disk."""
    from huggingface_hub import HfApi

    for attempt in range(1, PUSH_ATTEMPTS + 1):
        try:
            pushed = trainer.push_to_hub(commit_message="End of training")
            break
        except Exception as error:
            status = status_of(error)
            if attempt == PUSH_ATTEMPTS or (status is not None and status < 500 and status not in (408, 412, 429)):
                raise
            say(f"The push failed ({first_line(error)}); trying again in {5 * attempt**2} s.")
            time.sleep(5 * attempt**2)
    if not first_process():
        return ""
    # With nothing left to change, the client names the head of the branch: then that is what holds the weights.
    commit = getattr(pushed, "oid", None) or HfApi().model_info(config["hub_model_id"]).sha
    weights = sorted(path.name for path in output.glob("*.safetensors"))
    there = {
        item.path: item for item in HfApi().get_paths_info(config["hub_model_id"], weights, revision=commit) if weights
    }
    for name in weights:
        item = there.get(name)
        lfs = getattr(item, "lfs", None)
        if item is None or (lfs.sha256 if lfs else item.blob_id) != digest(output / name, git=lfs is None):
            raise Problem("push_failed", f"The commit {commit[:12]} on the Hub does not hold the trained {name}.")
    if not weights:
        raise Problem("push_failed", "The training left no weights to push.")
    return commit


def digest(path: Path, git: bool) -> str:
    """The file's name on the Hub: SHA-256 for large files, git's SHA-1 for those kept in the repository itself."""
    found = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False) if git else hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def run(config: dict, formats_source: str) -> None:
    """The whole run. Raises whatever goes wrong; `stage` on the exception says what was being done."""
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token:
        raise Problem("token", "There is no token: set the secret HF_TOKEN to one that may read and write.")
    os.environ.pop("HF_HUB_DISABLE_IMPLICIT_TOKEN", None)  # here the only token is the account's own
    if config["trainer"] not in TAKES:
        raise Problem("bad_argument", f"This script does not know the trainer {config['trainer']}.")

    with stage("data", config["dataset"]):
        emit("phase", phase="downloading")
        counter = Rows(load_formats(formats_source), config.get("mapping"))
        dataset, conversational = read_rows(config, counter, token)
        sha, public = dataset_commit(config)
    say(f"{len(dataset)} rows of {config['dataset']}.")
    if counter.dropped:
        say(f"{counter.dropped} of {counter.seen} rows were left out; the first because: {counter.problem}.")
    emit("data", rows=len(dataset), dropped=counter.dropped)

    with stage("saving", config["hub_model_id"]):  # before any long work: may we write there at all?
        from huggingface_hub import HfApi
        from huggingface_hub.constants import ENDPOINT

        if first_process():
            HfApi().create_repo(config["hub_model_id"], private=bool(config.get("private", True)), exist_ok=True)

    output = Path("output", config["hub_model_id"].split("/")[-1])
    with stage("model", config["model"]):
        check_tokenizer(config, conversational)
        accelerator, count = find_accelerator()
        if count > 1 and "RANK" not in os.environ:
            relaunch(count)
        if first_process() and output.exists():
            shutil.rmtree(output)  # left by an earlier run of this same file: must not be pushed with this one
        settings = complete_settings(config, output, accelerator)
        facts = {
            "config": {**config, "settings": {**config.get("settings", {}), "dtype": settings.get("dtype", "float32")}},
            "endpoint": ENDPOINT,
            "dataset_sha": sha,
            "rows": len(dataset),
            "dropped": counter.dropped,
            "job_id": os.environ.get("JOB_ID"),
            "versions": versions(),
            # A private dataset's rows stay out of the card: the model may be public one day.
            "prompt": example_prompt(dataset[0]) if public else None,
        }
        trainer = make_trainer(config, facts, dataset, parse_settings(settings, output.parent))

    with stage("training", config["model"]):
        started = time.monotonic()
        trainer.train()
        seconds = time.monotonic() - started

    with stage("saving", config["hub_model_id"]):
        emit("phase", phase="saving")
        facts["result"] = outcome(trainer.state.log_history, seconds, trainer.state.global_step)
        commit = push(trainer, config, output)
    emit("pushed", repo=config["hub_model_id"], commit=commit, url=f"{ENDPOINT}/{config['hub_model_id']}")
    emit("done")
    trainer.end()


class stage:
    """Marks exceptions with what was being done, for `explain`."""

    def __init__(self, doing: str, subject: str) -> None:
        self.doing, self.subject = doing, subject

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and not hasattr(error, "stage"):
            error.stage = (self.doing, self.subject)


def relaunch(count: int) -> None:
    """Start this file again, one process for each GPU. Does not return."""
    say(f"{count} GPUs: starting one process for each.")
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(count)]
    os.execv(sys.executable, [*launch, os.path.abspath(__file__)])


def main() -> int:
    """Run what `CONFIG` says; the exit code is 0 only when the model was pushed."""
    if not CONFIG or not FORMATS_SOURCE:
        print(__doc__)
        print("CONFIG is empty: TRL Space fills it in. Copy this script from the page, or use `JobSpec.as_script()`.")
        return 2
    signal.signal(signal.SIGTERM, on_stop)
    # The job asks the Hub's library for no bars, transformers asks for some: nothing a reader of the log needs.
    warnings.filterwarnings("ignore", message="Cannot enable progress bars")
    try:
        run(CONFIG, FORMATS_SOURCE)
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        kind, message = explain(error, *getattr(error, "stage", ("", "")))
        emit("failed", kind=kind, message=message)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.exit(code)
