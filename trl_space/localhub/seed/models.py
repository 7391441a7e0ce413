"""The demo's models: one tiny Qwen3 of about a million parameters, at three stages of learning.

`make(folder, say)` trains a tokenizer and the model on this computer's processor, from the texts of `tasks`, and
writes every repository of `MODELS` below `folder` as it will stand on the Hub. The model knows dates, units and
numbers, and follows a conversation, but it only repeats what it is asked about: answering is what fine-tuning
teaches it. Two more know about units: a beginner that is right some of the time, from which goals start that learn
from the model's own tries, and a teacher to copy from. Needs torch, tokenizers and transformers, which are imported
only when it runs.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import tasks

STEPS = 300
BATCH = 32
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Written for this demo after ChatML; the generation marks tell trainers which words are the assistant's.
CHAT_TEMPLATE = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' }}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}{{- message['content'] + '<|im_end|>' }}{%- endgeneration %}
    {%- else %}
        {{- message['content'] + '<|im_end|>' }}
    {%- endif %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}"""


@dataclass(frozen=True)
class Model:
    """One model repository; `chat` says whether it carries a chat template.

    `lessons` is the share of questions about units that the model answers right before it is written (0: it was never
    shown an answer).
    """

    id: str
    about: str
    chat: bool = True
    lessons: float = 0.0
    gated: str = ""
    downloads: int = 0
    likes: int = 0


MODELS = (
    Model(
        "demo/tiny-qwen3",
        "A Qwen3 of about a million parameters, made for the demo of TRL Space. It follows a conversation and knows "
        "dates, units and numbers, but it only repeats what it is asked about. Fine-tune it to make it answer.",
        downloads=5200,
        likes=84,
    ),
    Model(
        "demo/tiny-qwen3-base",
        "The same weights as demo/tiny-qwen3 without a chat template: it continues plain text.",
        chat=False,
        downloads=1900,
        likes=17,
    ),
    Model(
        "demo/tiny-gated",
        "The same model once more, behind a licence that has to be accepted first.",
        gated="auto",
        downloads=300,
        likes=9,
    ),
    Model(
        "demo/tiny-qwen3-beginner",
        "demo/tiny-qwen3 after a few lessons in converting units: some of its answers are right. For goals in which a "
        "model learns from its own tries (GRPO, RLOO).",
        lessons=0.3,
        downloads=740,
        likes=15,
    ),
    Model(
        "demo/tiny-qwen3-teacher",
        "demo/tiny-qwen3 after enough lessons in converting units: its answers are right. To be copied from "
        "(distillation).",
        lessons=0.95,
        downloads=690,
        likes=21,
    ),
)
LESSONS = 60  # batches of questions with their answers, at most


def make(folder: Path, say: Callable[[str], None] = print) -> None:
    """Make the tokenizer and the model and write all repositories below `folder`, as `<owner>/<name>/...`."""
    texts = [("", text + END) for text in tasks.facts(12_000)]
    texts += [(_ask(question), reply + STOP + "\n") for question, reply in tasks.chatter(12_000)]
    random.Random(0).shuffle(texts)
    backend = _tokenizer()
    rows = [(backend.encode(ask).ids, backend.encode(reply).ids) for ask, reply in texts]
    model = _train(rows, backend.get_vocab_size(), say)
    for entry in sorted(MODELS, key=lambda entry: entry.lessons):
        if entry.lessons:
            _teach(model, backend, entry.lessons, say)
        _write(entry, folder / entry.id, model, backend)


def _ask(question: str) -> str:
    return f"{START}user\n{question}{STOP}\n{START}assistant\n"


def _tokenizer():
    """A byte-level BPE tokenizer in which every number of the tasks is one token: copying is then easy to learn."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    whole = [str(n) for n in (*range(tasks.LARGEST + 1), *range(tasks.YEARS[0], tasks.YEARS[1] + 1))]
    whole += [f"{n:02d}" for n in range(32)] + ["000"]
    sentences = tasks.facts(3000) + [part for pair in tasks.chatter(3000) for part in pair]
    sentences += [f"{e.question} {e.answer}" for task in tasks.TASKS for e in tasks.rows(task, 300)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2500,
        special_tokens=[END, START, STOP],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*sentences, *whole * 3], trainer)
    return tokenizer


def _config(vocabulary: int):
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=1024,
        initializer_range=0.05,  # the usual 0.02 starts a model this narrow too slowly
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )


def _train(rows: list[tuple[list[int], list[int]]], vocabulary: int, say: Callable[[str], None]):
    """Train from scratch on (asked, replied) token ids; the asked part seldom counts, for it cannot be foreseen."""
    import torch
    from transformers import Qwen3ForCausalLM

    torch.manual_seed(0)
    coin = random.Random(1)
    model = Qwen3ForCausalLM(_config(vocabulary)).train()
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    # Muon learns to copy in a third of AdamW's steps here, which is what takes longest.
    optimizers = (
        (torch.optim.Muon(matrices, lr=0.02, weight_decay=0.0), 0.02),
        (torch.optim.AdamW(others, lr=5e-3, betas=(0.9, 0.95), weight_decay=0.0), 5e-3),
    )
    batches = _batches(rows)
    for step in range(STEPS):
        scale = min(1.0, (step + 1) / 20, max(0.05, (STEPS - step) / (0.4 * STEPS)))
        batch = batches[step % len(batches)]
        loss = _loss(model, batch, coin)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, rate in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if (step + 1) % (STEPS // 5) == 0:
            say(f"Training the tiny model: step {step + 1} of {STEPS}, loss {loss.item():.2f}")
    if not math.isfinite(loss.item()):
        raise RuntimeError("the tiny model could not be trained: its loss is not a number")
    return model.eval()


def _teach(model, backend, enough: float, say: Callable[[str], None]) -> None:
    """Go on training on questions about units with their answers, until that share of answers is right."""
    import torch

    examples = tasks.rows("units", LESSONS * 16, seed=9)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0)
    right = 0.0
    for step in range(LESSONS):
        batch = [
            (backend.encode(_ask(e.question)).ids, backend.encode(e.answer + STOP + "\n").ids)
            for e in examples[16 * step : 16 * step + 16]
        ]
        _loss(model.train(), batch, None).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 2 and (right := _right(model.eval(), backend)) >= enough:
            break
    model.eval()
    say(f"Taught it units: {right:.0%} of its answers are right after {step + 1} lessons")
    if right < enough:
        raise RuntimeError("the tiny model did not learn units well enough")


def _right(model, backend) -> float:
    """The share of right answers to forty questions about units that it is not taught."""
    import torch

    asked = [(backend.encode(_ask(question)).ids, answer) for question, answer in tasks.held_out("units", 40, seed=4)]
    longest = max(len(ids) for ids, _ in asked)
    ids = torch.tensor([[0] * (longest - len(one)) + one for one, _ in asked])
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one, _ in asked])
    stop = backend.token_to_id(STOP)
    with torch.no_grad():
        made = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=12, do_sample=False, eos_token_id=stop, pad_token_id=0
        )
    said = [backend.decode(one[longest:].tolist()) for one in made]
    return sum(tasks.exact(text, answer) for text, (_, answer) in zip(said, asked, strict=True)) / len(asked)


def _loss(model, batch: list[tuple[list[int], list[int]]], coin: random.Random | None):
    """The loss of a batch; with a coin, one question in ten counts as well, without it only the replies do."""
    import torch

    longest = max(len(asked) + len(replied) for asked, replied in batch)
    ids, labels, mask = [], [], []
    for asked, replied in batch:
        empty = longest - len(asked) - len(replied)
        ids.append(asked + replied + [0] * empty)
        counts = coin is not None and coin.random() < 0.1
        labels.append((asked if counts else [-100] * len(asked)) + replied + [-100] * empty)
        mask.append([1] * (longest - empty) + [0] * empty)
    return model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), labels=torch.tensor(labels)).loss


def _batches(rows: list[tuple[list[int], list[int]]]) -> list[list[tuple[list[int], list[int]]]]:
    """Batches of rows of much the same length, in random order: a third less padding to compute."""
    found = []
    for at in range(0, len(rows), 16 * BATCH):
        near = sorted(rows[at : at + 16 * BATCH], key=lambda row: len(row[0]) + len(row[1]))
        found += [near[i : i + BATCH] for i in range(0, len(near), BATCH)]
    random.Random(2).shuffle(found)
    return found


def _write(entry: Model, folder: Path, model, backend) -> None:
    from transformers import GenerationConfig, PreTrainedTokenizerFast

    stop = STOP if entry.chat else END
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=stop,
        pad_token=END,
        model_max_length=1024,
        padding_side="right",
        clean_up_tokenization_spaces=False,
    )
    if entry.chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    model.config.eos_token_id = tokenizer.eos_token_id
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, max_new_tokens=48
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(_readme(entry, sum(p.numel() for p in model.parameters())), encoding="utf-8")


def _readme(entry: Model, parameters: int) -> str:
    name = entry.id.split("/")[1]
    gate = 'extra_gated_prompt: "Say that you will use this model for the demo only."\n' if entry.gated else ""
    prompt = json.dumps([{"role": "user", "content": "Convert 7 kilometres to metres."}] if entry.chat else "7 March")
    return (
        "---\nlicense: apache-2.0\nlanguage:\n- en\nlibrary_name: transformers\npipeline_tag: text-generation\n"
        f"tags:\n- qwen3\n- demo\n{gate}---\n\n# {name}\n\n{entry.about}\n\n"
        f"{parameters:,} parameters, float32, at most 1024 tokens. Trained on this computer in under a minute.\n\n"
        "```python\nfrom transformers import pipeline\n\n"
        f"generator = pipeline('text-generation', model='{entry.id}')\n"
        f"print(generator({prompt}))\n```\n"
    )
