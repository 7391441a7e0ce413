"""Settings parsed by TRL itself, and TRL's trainer made from them, with our card, our events and our clock.

    settings = complete(config, output)                 # all arguments, before they are fitted to the machine
    parsed = parse(settings, "grpo", folder)            # TRL's own argument objects; Problem for a bad setting
    trainer = make_trainer(config, facts, parsed, train, held_out, rewards, clock)      # downloads the model
    trainer.train(continue_from(trainer, checkpoint, step, repo))

The trainer gets the mapped rows themselves: TRL's own scripts would load the dataset again, as it was.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import types
from pathlib import Path

from . import saving
from .card import card
from .clock import Clock
from .events import Problem, emit, first_line, numbers, say, stage
from .needs import COMMANDS
from .speed import Speed, tokens

TRL_REWARDS = ("accuracy_reward", "reasoning_accuracy_reward", "think_format_reward", "get_soft_overlong_punishment")
DIVERGED = 5  # logs in a row without a finite loss


# --- The settings ----------------------------------------------------------------------------------------------


def complete(config: dict, output: Path) -> dict:
    """All arguments for TRL's parser: the run's own and what this program decides."""
    given = {name: value for name, value in config.get("settings", {}).items() if value is not None}
    settings = {
        # A checkpoint that the run can be continued from; weights alone where the preset says so.
        "hub_strategy": "every_save" if given.get("save_only_model") else "checkpoint",
        "save_total_limit": 1,
        "logging_first_step": True,
        "report_to": "none",
        **given,
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
    if config.get("seed") is not None:
        settings.setdefault("seed", config["seed"])
    for name in ("model_init_kwargs", "teacher_model_init_kwargs"):
        value = settings.get(name)
        value = json.loads(value) if isinstance(value, str) else value
        if value:
            settings[name] = {key: each for key, each in value.items() if key not in ("trust_remote_code", "revision")}
    if config["trainer"] == "reward" and settings.get("use_peft"):
        settings["lora_task_type"] = "SEQ_CLS"  # with TRL's default, the model has no head to train
    if config["trainer"] == "distillation":
        settings["teacher_model_name_or_path"] = config.get("teacher")
        if config.get("teacher_revision"):
            settings["teacher_model_revision"] = config["teacher_revision"]
    weights = [float(weight) for _, weight in config.get("rewards") or ()]
    if config.get("reward_model"):
        weights.append(float(config.get("reward_model_weight", 1.0)))  # TRL counts it last
    if config["trainer"] in ("grpo", "rloo") and any(weight != 1 for weight in weights):
        settings["reward_weights"] = weights
    return settings


def parse(settings: dict, trainer: str, folder: Path) -> tuple:
    """TRL's own four argument objects for these settings; an unknown or bad one raises Problem."""
    make_parser = importlib.import_module(f"trl.scripts.{trainer}").make_parser
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


# --- Rewards ---------------------------------------------------------------------------------------------------


def reward_functions(config: dict, arguments, rewards: types.ModuleType) -> list:
    """The rewards as TRL takes them, in the order of their weights: functions, then the reward model."""
    found = []
    for spec, _ in config.get("rewards") or ():
        reward, _ = rewards.parse(spec)
        # TRL's own take lists of messages only, whatever the rows are.
        own = None if reward.here else rewards.WithText(trl_reward(reward.id, arguments))
        found.append(own or rewards.function(spec))
    if config.get("reward_model"):
        found.append(load_reward_model(config["reward_model"], config.get("reward_model_revision"), arguments))
    return found


def trl_reward(name: str, arguments):
    """One of TRL's own reward functions."""
    if name not in TRL_REWARDS:
        raise Problem("bad_argument", f"TRL has no reward called {name}.")
    function = getattr(importlib.import_module("trl.rewards"), name)
    if name != "get_soft_overlong_punishment":
        return function
    # Answers are to be complete before the length at which they are cut: the last fifth costs.
    longest = int(arguments.max_completion_length or 512)
    made = function(max_completion_len=longest, soft_punish_cache=max(1, longest // 5))
    say(f"Answers of more than {longest - max(1, longest // 5)} tokens lose points, up to {longest} tokens.")
    return made


def load_reward_model(name: str, revision: str | None, arguments):
    """The reward model. Loaded here, because TRL would load it at the revision of the model that is trained."""
    import torch
    from transformers import AutoModelForSequenceClassification

    with stage("model", name):
        kwargs = arguments.model_init_kwargs or {}
        return AutoModelForSequenceClassification.from_pretrained(
            name,
            revision=revision or "main",
            num_labels=1,
            dtype=kwargs.get("dtype") or torch.float32,
            trust_remote_code=False,
        )


# --- The trainer -----------------------------------------------------------------------------------------------


def make_trainer(config: dict, facts: dict, parsed: tuple, train, held_out, rewards: types.ModuleType, clock: Clock):
    """TRL's trainer for this run, with our card, our events and our clock. Downloads the model."""
    import trl
    from transformers import PrinterCallback

    _, arguments, model_arguments, _ = parsed
    loading = {
        "attn_implementation": model_arguments.attn_implementation,
        "dtype": model_arguments.dtype,
    }
    arguments.model_init_kwargs = {
        "revision": model_arguments.model_revision,
        **loading,
        **(arguments.model_init_kwargs or {}),
    }
    command, extra = COMMANDS[config["trainer"]], {}
    if command.needs == "rewards":
        extra["reward_funcs"] = reward_functions(config, arguments, rewards)
    if command.needs == "teacher":
        extra["teacher_model"] = config["teacher"]
        arguments.teacher_model_init_kwargs = {**loading, **(arguments.teacher_model_init_kwargs or {})}
    if held_out is not None and (evaluates(arguments) or config.get("rehearsal")):
        extra["eval_dataset"] = held_out

    trainer = worker_class(getattr(trl, command.trainer), config, facts, clock)(
        model=model_arguments.model_name_or_path,
        args=arguments,
        train_dataset=train,
        quantization_config=trl.get_quantization_config(model_arguments),
        peft_config=trl.get_peft_config(model_arguments),
        **extra,
    )
    trainer.speed = Speed(trainer, int(facts.get("cycle") or 1))
    trainer.remove_callback(PrinterCallback)  # the events carry the same numbers, and the step
    trainer.add_callback(events_class()(trainer, facts, clock))
    return trainer


def evaluates(arguments) -> bool:
    """Whether the settings ask for an evaluation during the training."""
    return str(getattr(arguments.eval_strategy, "value", arguments.eval_strategy)) != "no"


def worker_class(base: type, config: dict, facts: dict, clock: Clock) -> type:
    """TRL's trainer class with our card in place of TRL's, and with checkpoints that say what they are."""

    pace = saving.Pace()

    class Trainer(base):
        def create_model_card(self, *args: object, **kwargs: object) -> None:
            """Our card; also after PEFT wrote its own."""
            if self.is_world_process_zero():
                facts.update(step=self.state.global_step, total=self.state.max_steps)
                Path(self.args.output_dir, "README.md").write_text(card(facts), encoding="utf-8")

        def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
            folder = Path(output_dir or self.args.output_dir)
            clock.saving_begins()
            super().save_model(output_dir, _internal_call)
            if self.is_world_process_zero() and folder != Path(self.args.output_dir):
                saving.write_about(folder, config, tokens(self))

        def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
            """Push a checkpoint while the training goes on; the last one is not needed, the model follows at once."""
            self._finish_current_push()  # its folder may be deleted next
            if self.state.global_step >= self.state.max_steps:
                return
            if not facts.get("stopped") and not pace.may():
                return
            before = getattr(self, "push_in_progress", None)
            super()._push_from_checkpoint(checkpoint_folder)
            now = getattr(self, "push_in_progress", None)
            if now is not None and now is not before:
                for job in now.jobs:
                    job.add_done_callback(pushed)
                step = self.state.global_step
                now.jobs[-1].add_done_callback(lambda job: arrived(job, step))

    def arrived(job, step: int) -> None:
        if not job.cancelled() and job.exception() is None:
            facts["kept"] = step  # what is left on the Hub when the last push fails

    def pushed(job) -> None:
        if job.cancelled() or job.exception() is None:
            clock.saving_done()
        else:
            say(f"A checkpoint could not be saved to the Hub: {first_line(job.exception())}")

    return Trainer


def events_class() -> type:
    """The callback that says what happens. Made here, so that this file needs no library to be read."""
    from transformers import TrainerCallback
    from transformers.trainer_utils import HubStrategy

    class Events(TrainerCallback):
        def __init__(self, trainer, facts: dict, clock: Clock) -> None:
            self.trainer, self.facts, self.clock, self.diverged = trainer, facts, clock, 0

        def on_train_begin(self, args, state, control, **kwargs):
            emit("phase", phase="training")
            emit("begin", step=state.global_step, total=state.max_steps)

        def on_step_begin(self, args, state, control, **kwargs):
            self.trainer.speed.begins()

        def on_step_end(self, args, state, control, **kwargs):
            self.clock.step(state.global_step)
            self.trainer.speed.step()
            if state.global_step >= state.max_steps:
                return
            why = self.everywhere(self.clock.must_stop())
            if why:
                self.facts["stopped"] = why
                control.should_training_stop = True
                control.should_save = not self.facts["config"].get("rehearsal")
                if not args.save_only_model:
                    args.hub_strategy = HubStrategy.CHECKPOINT  # whatever was pushed so far: this one is continued

        def everywhere(self, why: str) -> str:
            """The same answer in all processes: if one stopped alone, the others would wait for it forever."""
            accelerator = self.trainer.accelerator
            if accelerator.num_processes == 1:
                return why
            import torch

            reasons = ("", "deadline", "signal")
            flag = torch.tensor([float(why == reason) for reason in reasons], device=accelerator.device)
            asked = accelerator.reduce(flag, reduction="sum").tolist()
            return "signal" if asked[2] else "deadline" if asked[1] else ""

        def on_log(self, args, state, control, logs=None, **kwargs):
            logs = logs or {}
            emit(
                "log",
                step=state.global_step,
                total=state.max_steps,
                epoch=state.epoch,
                metrics=numbers(logs),
                seconds_left=self.clock.left(state.global_step, state.max_steps),
            )
            bad = any(isinstance(logs.get(k), float) and not math.isfinite(logs[k]) for k in ("loss", "grad_norm"))
            self.diverged = self.diverged + 1 if bad else 0
            if self.diverged >= DIVERGED:
                raise Problem(
                    "diverged",
                    f"The training went astray at step {state.global_step}: the numbers grew without bound. "
                    "A smaller learning rate usually helps.",
                )

        def on_evaluate(self, args, state, control, **kwargs):
            self.trainer.speed.pause_over()

        def on_save(self, args, state, control, **kwargs):
            emit("save", step=state.global_step)
            self.trainer.speed.pause_over()

        def on_train_end(self, args, state, control, **kwargs):
            self.trainer.speed.tell()

    return Events


def continue_from(trainer, checkpoint: Path | None, step: int, repo: str) -> str | None:
    """The checkpoint as `train` wants it, and everything set that TRL itself would start anew."""
    if checkpoint is None:
        return None
    emit("resume", step=step, repo=repo)
    if hasattr(trainer, "_total_train_tokens"):
        trainer._total_train_tokens = saving.tokens_of(checkpoint)
    say(f"Continuing {repo} after step {step}.")
    return str(checkpoint)
