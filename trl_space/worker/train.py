"""Train one model with TRL on one dataset of the Hugging Face Hub, and push the result there.

This file runs inside a job, alone: `uv run train.py`, with a token in the environment variable HF_TOKEN. What to
train stands in `CONFIG` below; the files it needs stand in `SOURCES`, at the end. It checks the rows and the models
before it downloads anything large, trains with TRL's own trainer, saves checkpoints to the Hub on the way, and pushes
the model with a card that says how it was made. It ends by itself before the job's time is over.

Beside its ordinary output it prints one line per event, `::trl-space {"event": ...}`:

    phase    {"phase": "downloading" | "training" | "saving"}
    data     {"rows": 1990, "dropped": 10}              rows that can be used, rows left out
    split    {"train": 1986, "held_out": 4}
    machine  {"found": "1x NVIDIA L4 24 GB", "changes": ["sentence", ...]}
    resume   {"step": 40, "repo"}                       it continues an earlier run from there
    samples  {"when": "before" | "after", "rows": [{"prompt", "answer", "expected", "score"}]}
    begin    {"step": 0, "total": 300}
    log      {"step", "total", "epoch", "metrics": {name: number}, "seconds_left": number | null}
    speed    {"seconds_per_step", "startup_seconds", "peak_gib": number | null, "tokens_per_second": number | null,
              "steps": 4}                               measured until here; the last one counts
    save     {"step": 100}                              a checkpoint was written
    pushed   {"repo", "commit", "url"}                  the final commit; nothing else means that a run is finished
    stopped  {"message", "kind": "deadline" | "signal", "step", "saved": commit | null}
    failed   {"kind", "message"}                        what went wrong, in one plain sentence
    rehearsed {"step": 6, "total": 300}                 a rehearsal worked; the run itself has 300 steps
    done     {}

With "rehearsal" in its configuration it does only so many steps, and saves and pushes nothing.

Exit codes: 0 finished and pushed, or rehearsed, 1 failed, 2 not filled in, 3 stopped early with the work saved, 143
stopped without.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path

CONFIG: dict = {}  # replaced: the run's configuration

ROOT = "trl_space_job"  # the package that SOURCES become; an installed trl_space has nothing to do with it
WORK = Path(".trl-space")  # what the processes of a run hand to each other
ORDER = "TRL_SPACE_ORDER"  # set in the processes that `accelerate launch` starts
SAMPLE_SECONDS = 45.0  # for the answers before the training, and again for those after it
FINISHED, FAILED, NOT_FILLED_IN, SAVED, STOPPED = 0, 1, 2, 3, 128 + signal.SIGTERM


# --- The files it carries --------------------------------------------------------------------------------------


class Embedded(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of `ROOT` in a dict from relative path to text, and nothing else."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def find_spec(self, name: str, path: object = None, target: object = None):
        if name != ROOT and not name.startswith(ROOT + "."):
            return None
        inside = "/".join(name.split(".")[1:])
        file, package = f"{inside}.py", f"{inside}/__init__.py"
        folder = not inside or any(each.startswith(inside + "/") for each in self.sources)
        if file not in self.sources and not folder:
            return None
        found = package if package in self.sources else file if file in self.sources else ""
        spec = importlib.util.spec_from_loader(name, self, origin=found, is_package=found != file)
        spec.loader_state = found
        return spec

    def exec_module(self, module) -> None:
        name = module.__spec__.loader_state
        exec(compile(self.sources.get(name, ""), f"trl_space/{name}", "exec"), module.__dict__)

    def get_source(self, name: str) -> str:
        """The text of a module, for the lines of a traceback."""
        spec = self.find_spec(name)
        return self.sources.get(spec.loader_state, "") if spec else ""


class Parts:
    """The modules of `SOURCES`, by name: `parts.data`, `parts.formats`, `parts.rewards`."""

    def __init__(self, sources: dict[str, str]) -> None:
        for name in [name for name in sys.modules if name == ROOT or name.startswith(ROOT + ".")]:
            del sys.modules[name]
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != Embedded.__name__]
        sys.meta_path.insert(0, Embedded(sources))
        for name in ("formats", "rewards"):
            setattr(self, name, importlib.import_module(f"{ROOT}.{name}"))
        for name in "events clock card data machine samples saving needs training rehearsal".split():
            setattr(self, name, importlib.import_module(f"{ROOT}.worker.{name}"))


# --- First: what has to be right before anything large is downloaded -------------------------------------------


def prepare(config: dict, parts: Parts) -> tuple[dict, object, object]:
    """Read and check everything; return the order for the training, the rows, and the held-out rows or None."""
    data, events, machines, needs = parts.data, parts.events, parts.machine, parts.needs
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token:
        raise events.Problem("token", "There is no token: set the secret HF_TOKEN to one that may read and write.")
    os.environ.pop("HF_HUB_DISABLE_IMPLICIT_TOKEN", None)  # here the only token is the account's own
    if config["trainer"] not in needs.COMMANDS:
        raise events.Problem("bad_argument", f"This script does not know the trainer {config['trainer']}.")
    evaluate = str(config.get("settings", {}).get("eval_strategy") or "no") != "no"

    with events.stage("data", config["dataset"]):
        events.emit("phase", phase="downloading")
        found = data.read(config, parts.formats, token)
        needs.check_rewards(config, parts.rewards, list(found.dataset.column_names))
        rows, held_out = data.split(found.dataset, config, evaluate)
    held = len(held_out) if held_out is not None else 0
    events.say(f"{len(found.dataset)} rows of {config['dataset']}.")
    events.emit("data", rows=len(found.dataset), dropped=found.dropped)
    events.emit("split", train=len(rows), held_out=held)

    some = rows.select(range(min(5, len(rows)))).to_list() if found.conversational else []
    needs.check_models(config, some, found.conversational, found.vision)
    with events.stage("saving", config["hub_model_id"]):  # before any long work: may we write there at all?
        from huggingface_hub.constants import ENDPOINT

        if config.get("rehearsal"):
            parts.saving.may_write(config["hub_model_id"])
        else:
            private, claim = bool(config.get("private", True)), config.get("claim", "")
            parts.saving.make_repository(config["hub_model_id"], private, claim)
    resume = None
    if config.get("resume"):
        with events.stage("model", config["resume"]):
            resume = parts.saving.fetch_checkpoint(config["resume"], config, WORK / "resume")

    output = Path("output", config["hub_model_id"].split("/")[-1])
    if output.exists():
        shutil.rmtree(output)  # left by an earlier run of this same file: must not be pushed with this one
    machine = machines.find()
    settings, changes = machines.adapt(parts.training.complete(config, output), machine, config)
    if evaluate and held_out is None:
        settings["eval_strategy"], settings["load_best_model_at_end"] = "no", False
        changes.append("There is no evaluation: there are too few rows to hold any back.")
    events.emit("machine", found=str(machine), changes=changes)
    for text in (f"Found: {machine}.", *changes):
        events.say(text)
    needed = machines.questions_per_batch(settings, machine, config["trainer"])
    if len(rows) < needed:
        raise events.Problem(
            "dataset_format",
            f"There are {len(rows)} questions to train on, and one step needs {needed}: "
            "take more rows, or a smaller batch.",
        )
    asked = parts.samples.questions(held_out.select(range(min(held, 12))).to_list() if held else [], found.type)
    if found.vision:
        asked = []
    whole, used = settings, len(rows)
    if config.get("rehearsal"):
        rows, held_out = parts.rehearsal.choose(rows, held_out, settings, machine, config, found.type)
        settings = parts.rehearsal.shorten(settings, machine, config, resume[1] if resume else 0)
    order = {
        "settings": settings,
        "whole": {"settings": whole, "share": len(rows) / used},
        "resume": [str(resume[0]), resume[1]] if resume else None,
        "output": str(output),
        "machine": machine.__dict__,
        "type": found.type,
        "asked": json.loads(json.dumps([question.__dict__ for question in asked], default=str)),
        "facts": {
            "config": {**config, "settings": shown(config, settings)},
            "endpoint": ENDPOINT,
            "dataset_sha": found.commit,
            "rows": len(found.dataset),
            "held_out": held,
            "dropped": found.dropped,
            "machine": str(machine),
            "changes": changes,
            "cycle": machines.cycle(settings, machine, config["trainer"]),
            "job_id": os.environ.get("JOB_ID"),
            "continues": not settings.get("save_only_model"),
            "versions": parts.card.versions(),
            "resumed_at": resume[1] if resume else None,
            # A private dataset's rows stay out of the card: the model may be public one day.
            "public": found.public,
            "prompt": example(config, asked, rows) if found.public else None,
        },
    }
    return order, rows, held_out


def shown(config: dict, settings: dict) -> dict:
    """The settings for the card: those of the recipe, as they were used."""
    names = [*config.get("settings", {}), "dtype"]
    return {name: settings[name] for name in names if settings.get(name) is not None}


def example(config: dict, asked: list, rows) -> object:
    """What the card's example asks: messages or text; None when there is nothing short enough."""
    question = asked[0] if asked else None
    prompt = question.prompt if question else None
    if prompt is None and "text" in rows.column_names:
        prompt = " ".join(str(rows[0]["text"]).split()[:5])
    if isinstance(prompt, list):
        prompt = [{"role": m.get("role"), "content": m.get("content")} for m in prompt if m.get("role") != "system"][:1]
    if config["trainer"] == "reward" and question:
        answer = question.expected or ""
        prompt = [*prompt, {"role": "assistant", "content": answer}] if isinstance(prompt, list) else prompt + answer
    return prompt if prompt and len(json.dumps(prompt)) < 600 else None


# --- Then: the training ----------------------------------------------------------------------------------------


def train(config: dict, parts: Parts, order: dict, rows, held_out) -> int:
    """Train, save and push, in this process; with several GPUs this runs in one process for each."""
    global CLOCK
    events, saving, training = parts.events, parts.saving, parts.training
    facts, output, repo = order["facts"], Path(order["output"]), config["hub_model_id"]
    CLOCK = clock = parts.clock.Clock(config.get("timeout"), WORK / "stop")
    if config.get("rehearsal"):
        clock.saving = 0.0  # no time is needed for it
    warnings.filterwarnings("ignore", message="Cannot enable progress bars")
    with events.stage("model", config["model"]):
        parsed = training.parse(order["settings"], config["trainer"], WORK)
        trainer = training.make_trainer(config, facts, parsed, rows, held_out, parts.rewards, clock)

    with events.stage("training", config["model"]):
        show(parts, config, order, trainer, "before")
        if clock.must_stop() == "deadline":
            raise events.Problem("timeout", "There is no time left to train: getting ready took nearly all of it.")
        checkpoint, step = (Path(order["resume"][0]), order["resume"][1]) if order["resume"] else (None, 0)
        started = time.monotonic()
        trainer.train(training.continue_from(trainer, checkpoint, step, config.get("resume", "")))
        seconds = time.monotonic() - started
        if config.get("rehearsal"):
            return rehearsed(parts, order, trainer)

    at, total = trainer.state.global_step, trainer.state.max_steps
    with events.stage("saving", repo):
        events.emit("phase", phase="saving")
        if facts.get("stopped"):
            trainer.accelerator.wait_for_everyone()
            saved = saving.keep(trainer, repo, output) if events.first_process() else None
            events.emit("stopped", **last_words(facts, at, total, saved))
            return SAVED if saved else STOPPED
        show(parts, config, order, trainer, "after")
        facts["result"] = parts.card.outcome(trainer.state.log_history, seconds, at)
        try:
            commit = saving.push(trainer, repo, output)
        except events.Problem:
            raise
        except Exception as error:
            kind, message = events.explain(error, "saving", repo)
            raise events.Problem(kind, f"{message} {left_there(facts)}") from error
    events.emit("pushed", repo=repo, commit=commit, url=f"{facts['endpoint']}/{repo}")
    events.emit("done")
    trainer.end()
    return FINISHED


def rehearsed(parts: Parts, order: dict, trainer) -> int:
    """The end of a rehearsal: a short evaluation if the run itself has any, and how long that run will be."""
    events, facts, done = parts.events, order["facts"], order["facts"]["resumed_at"] or 0
    at = trainer.state.global_step
    if facts.get("stopped") == "deadline":
        raise events.Problem("timeout", f"The rehearsal's time was over after {at - done} steps.")
    if facts.get("stopped"):
        message = f"The rehearsal was stopped after {at - done} steps. It saves nothing."
        events.emit("stopped", message=message, kind="signal", step=at, saved=None)
        return STOPPED
    if trainer.eval_dataset is not None:
        events.say("The run itself evaluates, so a few held-out rows are tried now.")
        trainer.evaluate()
        trainer.speed.tell()  # memory may have had its peak there
    total = parts.rehearsal.whole_run(trainer, order["whole"]["settings"], order["whole"]["share"], done)
    events.emit("rehearsed", step=at - done, total=total)
    trainer.end()
    return FINISHED


def show(parts: Parts, config: dict, order: dict, trainer, when: str) -> None:
    """Say what the model answers now. Nothing that goes wrong here matters to the run."""
    if config.get("rehearsal"):
        parts.events.say("This is a rehearsal: it shows no answers, and saves nothing.")
        return
    events, samples, facts = parts.events, parts.samples, order["facts"]
    asked = [samples.Question(**question) for question in order["asked"]]
    seconds = min(SAMPLE_SECONDS, 0.1 * CLOCK.remaining())
    divided = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    if not asked or divided or seconds < 5:
        why = "no held-out questions" if not asked else "the model is divided" if divided else "there is little time"
        events.say(f"No answers are shown {when} the training: {why}.")
        return
    if events.first_process():
        try:
            if config["trainer"] == "reward":
                rows = samples.judge(trainer, asked, seconds)
            else:
                functions = getattr(trainer, "reward_funcs", [])
                weights = [weight for _, weight in config.get("rewards") or ()]
                weights.append(config.get("reward_model_weight", 1.0))
                rows = samples.ask(trainer, asked, list(zip(functions, weights, strict=False)), seconds)
            events.emit("samples", when=when, rows=rows)
            if facts["public"]:
                facts.setdefault("samples", {})[when] = rows
        except Exception as error:
            events.say(f"The answers {when} the training could not be shown: {events.first_line(error)}")
    trainer.accelerator.wait_for_everyone()


def last_words(facts: dict, step: int, total: int, saved: str | None) -> dict:
    """The values of the event `stopped`."""
    kind = facts["stopped"]
    why = "The time limit came first" if kind == "deadline" else "The run was stopped before it was finished"
    kept = "Nothing of it could be saved."
    if saved:
        kept = (
            "What it learned is saved, and it can be continued." if facts["continues"] else "What it learned is saved."
        )
    message = f"{why}: the training ended after step {step} of {total}. {kept}"
    return {"message": message, "kind": kind, "step": step, "saved": saved}


def left_there(facts: dict) -> str:
    """What of a training is on the Hub although its last push failed."""
    step = facts.get("kept")
    if not step:
        return "The training was done, and nothing of it is on the Hub."
    further = "the run can be continued from it" if facts["continues"] else "its weights can be used"
    return f"The training was done; of it the checkpoint after step {step} is on the Hub, and {further}."


# --- One process for each GPU ----------------------------------------------------------------------------------


def launch(config: dict, parts: Parts, order: dict, rows, held_out) -> int:
    """Start this file again through `accelerate launch`, and say how that ended."""
    global CLOCK
    CLOCK = parts.clock.Clock(config.get("timeout"), WORK / "stop")
    machine = parts.machine.Machine(**order["machine"])
    rows.save_to_disk(WORK / "rows")
    if held_out is not None:
        held_out.save_to_disk(WORK / "held_out")
    (WORK / "order.json").write_text(json.dumps(order), encoding="utf-8")
    arguments = parts.machine.launch_arguments(machine, order["settings"], config, WORK)
    parts.events.say(f"Starting {machine.count} processes.")
    with parts.events.stage("training", config["model"]):
        code = subprocess.Popen(
            [sys.executable, "-m", "accelerate.commands.launch", *arguments, os.path.abspath(__file__)],
            env={**os.environ, ORDER: "1"},
        ).wait()
    if (WORK / "ended.json").exists():
        return json.loads((WORK / "ended.json").read_text())["code"]
    failures = sorted(WORK.glob("failed-*.json"), key=lambda path: path.stat().st_mtime)
    if failures:
        parts.events.emit("failed", **json.loads(failures[0].read_text()))
        return FAILED
    if CLOCK.stopped:
        end_at_once()
    raise parts.events.Problem("killed", f"A process of the training ended without a word (exit code {code}).")


def one_of_many(config: dict, parts: Parts) -> int:
    """What a process does that `launch` started."""
    import datasets

    datasets.disable_progress_bars()
    rank = os.environ.get("RANK", "0")
    order = json.loads((WORK / "order.json").read_text(encoding="utf-8"))
    held_out = datasets.load_from_disk(WORK / "held_out") if (WORK / "held_out").exists() else None
    try:
        code = train(config, parts, order, datasets.load_from_disk(WORK / "rows"), held_out)
    except Exception as error:
        traceback.print_exc()
        kind, message = parts.events.explain(error, *getattr(error, "stage", ("", "")))
        (WORK / f"failed-{rank}.json").write_text(json.dumps({"kind": kind, "message": message}))
        return FAILED
    if rank == "0":
        (WORK / "ended.json").write_text(json.dumps({"code": code}))
    return 0  # anything else would be a failure to `accelerate launch`


# --- Beginning and end -----------------------------------------------------------------------------------------

CLOCK = None  # of the training under way
PARTS: Parts | None = None


def on_stop(signum: int, frame: object) -> None:
    """Let a training under way end after its present step and save; end at once when there is nothing to save."""
    doing = PARTS.events.stage.now if PARTS else ""
    if CLOCK is None or doing not in ("training", "saving"):
        end_at_once()
    if not CLOCK.stopped:
        CLOCK.stop()
        if os.environ.get("RANK", "0") == "0" and doing == "training":
            os.write(1, b"\nAsked to stop: finishing this step and saving what was learned.\n")


def end_at_once() -> None:
    """Say that the job was stopped, and end: an upload under way must not look finished."""
    if os.environ.get("RANK", "0") == "0":
        values = {"message": "The run was stopped before it was finished.", "kind": "signal", "step": 0, "saved": None}
        os.write(1, f"\n::trl-space {json.dumps({'event': 'stopped', **values})}\n".encode())
    os._exit(STOPPED)


def main() -> int:
    """Run what `CONFIG` says; the exit code is 0 only when the model was pushed."""
    global PARTS
    if not CONFIG or not SOURCES:
        print(__doc__)
        print("CONFIG is empty: TRL Space fills it in. Copy this script from the page, or use `JobSpec.as_script()`.")
        return NOT_FILLED_IN
    signal.signal(signal.SIGTERM, on_stop)
    # The job asks the Hub's library for no bars, transformers asks for some: nothing a reader of the log needs.
    warnings.filterwarnings("ignore", message="Cannot enable progress bars")
    PARTS = parts = Parts(SOURCES)
    os.environ.setdefault("TRL_SPACE_STARTED", str(parts.clock.began()))
    parts.events.guard()
    if ORDER in os.environ:
        return one_of_many(CONFIG, parts)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    try:
        order, rows, held_out = prepare(CONFIG, parts)
        return (launch if order["machine"]["count"] > 1 else train)(CONFIG, parts, order, rows, held_out)
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        kind, message = parts.events.explain(error, *getattr(error, "stage", ("", "")))
        parts.events.emit("failed", kind=kind, message=message)
        return FAILED


SOURCES: dict = {}  # replaced: the files this program is made of, by path

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.exit(code)
