"""What each of TRL's seven commands needs, checked before any weights are downloaded.

    COMMANDS["grpo"]                                              # its trainer, and what else it takes
    check_models(config, rows, conversational, vision)            # Problem when a model cannot do what is wanted
    check_rewards(config, rewards, columns)                       # Problem when a score cannot be computed

TRL itself finds most of this out after minutes of downloading, or not at all.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from importlib.util import find_spec

from .events import Problem, first_line, stage


@dataclass(frozen=True)
class Command:
    """One of TRL's commands: its trainer, whether the model writes or judges, and what else it needs."""

    trainer: str
    writes: bool = True
    needs: str = ""


COMMANDS = {
    "sft": Command("SFTTrainer"),
    "dpo": Command("DPOTrainer"),
    "kto": Command("KTOTrainer"),
    "reward": Command("RewardTrainer", writes=False),
    "grpo": Command("GRPOTrainer", needs="rewards"),
    "rloo": Command("RLOOTrainer", needs="rewards"),
    "distillation": Command("DistillationTrainer", needs="teacher"),
}
SAME_WORDS = 0.99  # share of the student's words that must have the same number in the teacher's vocabulary


def check_models(config: dict, rows: list[dict], conversational: bool, vision: bool) -> None:
    """Raise Problem when a model cannot do what this run wants of it. `rows` are some of those it will see."""
    command, name = COMMANDS[config["trainer"]], config["model"]
    with stage("model", name):
        about = model_config(name, config.get("model_revision"))
        check_kind(name, about, command.writes)
        check_images(config, about, vision)
        if conversational:
            check_template(config, rows)
    if command.needs == "teacher":
        if not config.get("teacher"):
            raise Problem("bad_argument", "Learning from a bigger model needs one: choose a teacher.")
        with stage("model", config["teacher"]):
            check_teacher(config, about)
    if config.get("reward_model"):
        with stage("model", config["reward_model"]):
            check_reward_model(config["reward_model"], config.get("reward_model_revision"))


def model_config(name: str, revision: str | None):
    """The configuration of a model, which is small and says what it is."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(name, revision=revision or "main", trust_remote_code=False)


def check_kind(name: str, about, writes: bool) -> None:
    from transformers.models.auto import modeling_auto as auto

    writing = (auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)
    known = writing if writes else (auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,)
    if not any(about.model_type in mapping for mapping in known):
        able = "a model that writes text" if writes else "a model that a judge can be made from"
        raise Problem("bad_argument", f"{name} ({about.model_type}) is not {able}.")


def check_images(config: dict, about, vision: bool) -> None:
    sees = hasattr(about, "vision_config")
    if vision and (config["trainer"] == "reward" or not sees):
        raise Problem(
            "dataset_format", f"{config['dataset']} has images, but this run of {config['model']} reads none."
        )
    # Whatever the rows hold: such a model is loaded with the part that prepares images.
    missing = [name for name, module in (("Pillow", "PIL"), ("torchvision", "torchvision")) if not find_spec(module)]
    if sees and missing:
        raise Problem(
            "import_error", f"{config['model']} can see images; to load it, {' and '.join(missing)} must be installed."
        )


def check_template(config: dict, rows: list[dict]) -> None:
    """A chat template may be missing, refuse the rows, or leave out what is to be learned without a word."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(config["model"], revision=config.get("model_revision") or "main")
    if not tokenizer.chat_template and not config.get("settings", {}).get("chat_template_path"):
        raise Problem(
            "chat_template",
            f"{config['model']} has no chat template, but {config['dataset']} has conversations: "
            "choose a model made for chat, or rows of plain text.",
        )
    if config.get("settings", {}).get("chat_template_path"):
        return
    lost = 0
    for row in rows:
        messages = conversation(row)
        try:
            text = tokenizer.apply_chat_template(messages, tokenize=False, tools=row.get("tools") or None)
        except Exception as error:  # a template is a program of the model's: anything can happen in it
            raise Problem(
                "chat_template", f"The chat template of {config['model']} refuses these rows: {first_line(error)}"
            ) from error
        said = messages[-1].get("content") if messages else None
        # What a model thought aloud is left out by some templates on purpose.
        lost += isinstance(said, str) and said.rpartition("</think>")[2].strip() not in text
    if rows and lost == len(rows):
        raise Problem(
            "chat_template",
            f"The chat template of {config['model']} leaves out the messages of {config['dataset']}: "
            "the names of its speakers are not those the model knows.",
        )


def conversation(row: dict) -> list[dict]:
    """All messages of a row in the order they are read: the better answer of a preference, if it is one."""
    if row.get("messages"):
        return row["messages"]
    if row.get("conversations"):
        return [{"role": each.get("from"), "content": each.get("value")} for each in row["conversations"]]
    answer = row.get("completion") or row.get("chosen") or []
    return [*(row.get("prompt") or []), *answer]


def check_teacher(config: dict, student) -> None:
    """A teacher must use the very same words: the probabilities of each are compared one by one."""
    from transformers import AutoTokenizer

    teacher = config["teacher"]
    about = model_config(teacher, config.get("teacher_revision"))
    check_kind(teacher, about, True)
    ours, theirs = student.get_text_config().vocab_size, about.get_text_config().vocab_size
    if ours != theirs:
        raise Problem(
            "bad_argument",
            f"{teacher} cannot teach {config['model']}: it knows {theirs:,} words and the other {ours:,}. "
            "Choose a teacher of the same family.",
        )
    revisions = config.get("model_revision") or "main", config.get("teacher_revision") or "main"
    words = AutoTokenizer.from_pretrained(config["model"], revision=revisions[0]).get_vocab()
    others = AutoTokenizer.from_pretrained(teacher, revision=revisions[1]).get_vocab()
    if sum(others.get(word) == number for word, number in words.items()) < SAME_WORDS * len(words):
        raise Problem(
            "bad_argument",
            f"{teacher} cannot teach {config['model']}: they know as many words, but not the same ones. "
            "Choose a teacher of the same family.",
        )


def check_reward_model(name: str, revision: str | None = None) -> None:
    about = model_config(name, revision)
    judges = any(str(each).endswith("ForSequenceClassification") for each in about.architectures or ())
    if not judges or about.num_labels != 1:
        raise Problem("bad_argument", f"{name} is not a reward model: it does not give an answer one score.")


def check_rewards(config: dict, rewards: types.ModuleType, columns: list[str]) -> None:
    """Raise Problem when there is no reward, or one of them cannot be computed on these rows."""
    if COMMANDS[config["trainer"]].needs != "rewards":
        return
    if not config.get("rewards") and not config.get("reward_model"):
        raise Problem("bad_argument", "Learning from a score needs one: choose at least one reward.")
    for spec, _ in config.get("rewards") or ():
        try:
            reward, _ = rewards.parse(spec)
        except ValueError as error:
            raise Problem("bad_argument", f"The reward {str(spec)[:80]!r} cannot be used: {error}") from error
        missing = [column for column in reward.columns if column not in columns]
        if missing:
            raise Problem(
                "dataset_format",
                f"The reward {reward.id} compares with the column {missing[0]}, "
                f"but {config['dataset']} has: {', '.join(columns)}.",
            )
        if reward.package.startswith("math-verify") and not find_spec("math_verify"):
            raise Problem("import_error", f"The reward {reward.id} needs the Python package {reward.package}.")
