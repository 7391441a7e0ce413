"""What `trl_space.formats` makes of rows is what the installed TRL takes: every kind of row through its own trainer.

Rows of all known layouts, and TRL's own samples where the reference folder is there, are mapped for each goal and
gathered by type and columns; each gathering trains one real step of a model of a few thousand parameters.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.test_formats_layouts import LAYOUTS, bot, user
from trl_space import formats

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<pad>", "<|end|>", *(f"<|{role}|>" for role in formats.STANDARD_ROLES)]
GOALS = sorted(formats.TAKES)


@pytest.fixture(scope="module", autouse=True)
def alone() -> Iterator[None]:
    """On the CPU, in one thread, and without a word to the Hub."""
    import torch

    patch = pytest.MonkeyPatch()
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    patch.setenv("TRANSFORMERS_VERBOSITY", "error")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    patch.undo()


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: at for at, letter in enumerate([*SPECIAL, *letters])}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(SPECIAL)
    fast = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<|end|>")
    fast.chat_template = TEMPLATE
    return fast


@pytest.fixture(scope="module")
def model(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The folder of a model of random weights; `model("score")` is that of one that gives a number."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3ForSequenceClassification

    folders = {}
    for head, kind in (("", Qwen3ForCausalLM), ("score", Qwen3ForSequenceClassification)):
        torch.manual_seed(0)
        config = Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            **({"num_labels": 1} if head else {}),
        )
        folders[head] = str(tmp_path_factory.mktemp("model"))
        kind(config).save_pretrained(folders[head])
        tokenizer.save_pretrained(folders[head])
    return lambda head="": folders[head]


def step(goal: str, rows: list[dict], model: Any, tokenizer: Any, folder: Any) -> dict:
    """Train one step on all these rows and return what was logged; raises what TRL raises."""
    import datasets
    import trl

    several = rows * -(-4 // len(rows))
    settings: dict[str, Any] = {"max_length": 512}
    if goal in ("grpo", "rloo", "distillation"):
        settings = {"max_completion_length": 4}
    if goal in ("grpo", "rloo"):
        settings |= {"num_generations": 2}
    name = {"sft": "SFT", "dpo": "DPO", "kto": "KTO", "reward": "Reward", "grpo": "GRPO", "rloo": "RLOO"}.get(
        goal, "Distillation"
    )
    args = getattr(trl, f"{name}Config")(
        output_dir=str(folder),
        max_steps=1,
        per_device_train_batch_size=4,
        logging_steps=1,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
        **settings,
    )
    more: dict[str, Any] = {}
    if goal in ("grpo", "rloo"):
        more["reward_funcs"] = lambda completions, **columns: [float(len(str(each))) for each in completions]
    if goal == "distillation":
        more["teacher_model"] = model()
    trainer = getattr(trl, f"{name}Trainer")(
        model=model("score" if goal == "reward" else ""),
        args=args,
        train_dataset=datasets.Dataset.from_list(several),
        processing_class=tokenizer,
        **more,
    )
    trainer.train()
    return trainer.state.log_history[0]


def gathered(goal: str, sources: list[list[dict]]) -> dict[tuple, list[dict]]:
    """All mapped rows for a goal, by type and columns; pictures need a model with eyes and are left out."""
    found = defaultdict(list)
    for rows in sources:
        fmt = formats.inspect(rows)
        for choices in ({}, {"style": "text"}, {"answer": "chosen"}, {"answer": "good"}):
            mapping = formats.plan(fmt, goal, choices)
            if mapping is None or mapping.vision:
                continue
            for row in rows:
                for made in formats.apply(mapping, row).rows:
                    # TRL takes further columns; which there are is not the point here.
                    kept = {name: value for name, value in made.items() if name not in ("tools", "n")}
                    kind = (mapping.type, mapping.conversational, tuple(sorted(kept)))
                    if kept not in found[kind]:
                        found[kind].append(kept)
    return found


@pytest.mark.parametrize("goal", GOALS)
def test_trl_takes_what_the_mapping_makes(goal, model, tokenizer, tmp_path):
    sources = [
        [{**row, "n": at} for at in range(3)] for row, _, made in LAYOUTS.values() if made.get(goal) != "as it is"
    ]
    label = [{"question": f"{at}?", "answer": "Yes.", "label": ("good", "bad")[at % 2]} for at in range(4)]
    groups = gathered(goal, [*sources, label])
    assert groups
    for kind, rows in groups.items():
        logged = step(goal, rows, model, tokenizer, tmp_path)
        assert logged["loss"] == logged["loss"], kind  # a number, not NaN


@pytest.mark.slow
@pytest.mark.parametrize("goal", GOALS)
def test_trl_takes_its_own_samples_as_they_are(goal, model, tokenizer, tmp_path, reference_data):
    taken = 0
    for path in sorted((reference_data / "datasets").glob("zen_*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        mapping = formats.plan(formats.inspect(rows), goal)
        if mapping is not None and mapping.empty:
            made = [new for row in rows for new in formats.apply(mapping, row).rows]
            assert len(made) == len(rows)
            step(goal, made[:8], model, tokenizer, tmp_path)
            taken += 1
    assert taken >= 2


def test_trl_would_have_failed_on_what_is_refused(model, tokenizer, tmp_path):
    """Why the rows are looked at here: TRL's own answer to a prompt as text beside whole conversations."""
    chat = [user("Hi"), bot("Hello")]
    rows = [{"prompt": "Hi", "chosen": chat, "rejected": [user("Hi"), bot(str(at))]} for at in range(4)]
    with pytest.raises((TypeError, AttributeError)):
        step("dpo", rows, model, tokenizer, tmp_path)
    mapping = formats.plan(formats.inspect(rows), "dpo")
    step("dpo", [new for row in rows for new in formats.apply(mapping, row).rows], model, tokenizer, tmp_path)
