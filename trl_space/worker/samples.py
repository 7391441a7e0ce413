"""What the model answers to held-out questions, before and after the training.

    shown = questions(rows, kind="prompt_completion", n=4)
    answers = ask(trainer, shown, rewards=[(function, weight)], seconds=60)    # rows of the event `samples`

A reward model writes nothing: `judge` gives its scores for the better and the worse answer instead. All of this is
for looking at. It is short, greedy, leaves the random numbers of the training as they are, has a time limit, and
never fails a run.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field

NEW_TOKENS = 128
LONGEST = 1024  # tokens of a question; longer ones are not asked
WORDS = 6  # words of a plain text that the model is to go on from; of a short one, two thirds


@dataclass
class Question:
    """One held-out row as a question: text or messages, and the answer that the row gives, if it does."""

    prompt: object
    expected: str | None = None
    other: str | None = None  # the worse answer of a preference
    row: dict = field(default_factory=dict)


def questions(rows: list[dict], kind: str, n: int = 4) -> list[Question]:
    """At most `n` of the rows as questions; rows that have none are passed over."""
    found = (READERS[kind](row) for row in rows if kind in READERS)
    return [question for question in found if question is not None and question.prompt][:n]


def from_text(row: dict) -> Question | None:
    messages = row.get("messages") or row.get("conversations")
    if messages:
        messages = [in_trl_words(message) for message in messages]
        last = next((i for i in reversed(range(len(messages))) if messages[i].get("role") == "assistant"), 0)
        return Question(messages[:last], plain(messages[last]), row=row) if last else None
    words = str(row.get("text") or "").split()
    given = min(WORDS, len(words) * 2 // 3)
    return Question(" ".join(words[:given]), " ".join(words[given:])[:500], row=row) if given else None


def from_pair(row: dict) -> Question | None:
    good = row.get("label", True)  # the answer of an unpaired row is only expected when it got a thumb up
    return Question(row.get("prompt"), plain(row.get("completion")) if good else None, row=row)


def from_preference(row: dict) -> Question | None:
    prompt, chosen, rejected = row.get("prompt"), row.get("chosen"), row.get("rejected")
    if prompt is None and isinstance(chosen, list) and isinstance(rejected, list):
        same = next((i for i, both in enumerate(zip(chosen, rejected, strict=False)) if both[0] != both[1]), 0)
        prompt, chosen, rejected = chosen[:same], chosen[same:], rejected[same:]
    return Question(prompt, plain(chosen), plain(rejected), row) if prompt else None


def from_prompt(row: dict) -> Question | None:
    solution = row.get("solution")
    return Question(row.get("prompt"), None if solution is None else str(solution), row=row)


READERS = {
    "language_modeling": from_text,
    "prompt_completion": from_pair,
    "unpaired_preference": from_pair,
    "preference": from_preference,
    "prompt_only": from_prompt,
}


def in_trl_words(message: dict) -> dict:
    """A message with role and content, also from TRL's other layout with from and value."""
    return message if "role" in message else {"role": message.get("from"), "content": message.get("value")}


def plain(answer: object) -> str:
    """An answer as text: of messages, what the last one says."""
    if isinstance(answer, list):
        answer = answer[-1] if answer else ""
    if isinstance(answer, dict):
        answer = answer.get("content")
    return str(answer or "").strip()


# --- The model's side ------------------------------------------------------------------------------------------


def ask(trainer, asked: list[Question], rewards: list, seconds: float) -> list[dict]:
    """The model's answers, as rows of the event `samples`; fewer than asked when the time is over."""
    until, found = time.monotonic() + seconds, []
    tokenizer = getattr(trainer.processing_class, "tokenizer", trainer.processing_class)
    with quietly(trainer) as model:
        for at, question in enumerate(asked):
            left = (until - time.monotonic()) / (len(asked) - at)
            inputs = encode(tokenizer, question.prompt, question.row, model.device)
            if left <= 0 or inputs["input_ids"].shape[1] > LONGEST:
                continue
            limit = min(NEW_TOKENS, getattr(trainer.args, "max_completion_length", None) or NEW_TOKENS)
            output = model.generate(
                **inputs,
                max_new_tokens=limit,
                max_time=left,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                use_cache=True,
                pad_token_id=tokenizer.pad_token_id,
            )
            ids = output[0][inputs["input_ids"].shape[1] :]
            answer = tokenizer.decode(ids, skip_special_tokens=True).strip()
            score = total(trainer, rewards, question, answer, ids.tolist()) if rewards else None
            found.append({"prompt": question.prompt, "answer": answer, "expected": question.expected, "score": score})
    return found


def judge(trainer, asked: list[Question], seconds: float) -> list[dict]:
    """A reward model's scores for both answers of each question, as rows of the event `samples`."""
    until, found = time.monotonic() + seconds, []
    with quietly(trainer) as model:
        for question in asked:
            for kind, answer in (("chosen", question.expected), ("rejected", question.other)):
                if time.monotonic() > until or answer is None:
                    continue
                score = scored(model, trainer.processing_class, question.prompt, answer)
                found.append(
                    {"prompt": question.prompt, "answer": answer, "expected": None, "score": score, "kind": kind}
                )
    return found


class quietly:
    """The trainer's model, ready to be asked: not training, no gradients, random numbers as they were after."""

    def __init__(self, trainer) -> None:
        import torch

        self.model, self.was = trainer.accelerator.unwrap_model(trainer.model), trainer.model.training
        cuda = self.model.device.type == "cuda"
        self.around = [
            torch.random.fork_rng(),
            torch.no_grad(),
            trainer.accelerator.autocast() if cuda else nullcontext(),
        ]

    def __enter__(self):
        self.model.eval()
        for context in self.around:
            context.__enter__()
        return self.model

    def __exit__(self, *error: object) -> None:
        for context in reversed(self.around):
            context.__exit__(*error)
        self.model.train(self.was)


def encode(tokenizer, prompt: object, row: dict, device):
    """A question as the model reads it."""
    if isinstance(prompt, str):
        return tokenizer(prompt, return_tensors="pt", return_token_type_ids=False).to(device)
    return tokenizer.apply_chat_template(
        prompt,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        tools=row.get("tools") or None,
        **(row.get("chat_template_kwargs") or {}),
    ).to(device)


def scored(model, tokenizer, prompt: object, answer: str) -> float:
    """The score that a reward model gives to one answer."""
    if isinstance(prompt, str):
        text = prompt + answer + (tokenizer.eos_token or "")
    else:
        text = tokenizer.apply_chat_template([*prompt, {"role": "assistant", "content": answer}], tokenize=False)
    inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=LONGEST, return_token_type_ids=False)
    return float(model(**inputs.to(model.device)).logits[0, 0])


def total(trainer, rewards: list, question: Question, answer: str, ids: list[int]) -> float | None:
    """The weighted sum of the rewards, called as TRL calls them; None when none of them can say."""
    completion = answer if isinstance(question.prompt, str) else [{"role": "assistant", "content": answer}]
    columns = {name: [value] for name, value in question.row.items() if name not in ("prompt", "completion")}
    found = []
    for function, weight in rewards:
        if hasattr(function, "forward"):
            tokenizer = trainer.reward_processing_classes[trainer.reward_funcs.index(function)]
            value = scored(function, tokenizer, question.prompt, answer)
        else:
            value = function(
                prompts=[question.prompt],
                completions=[completion],
                completion_ids=[ids],
                trainer_state=trainer.state,
                log_extra=lambda *_: None,
                log_metric=lambda *_: None,
                **columns,
            )[0]
        if value is not None:
            found.append(float(value) * float(weight))
    return sum(found) if found else None
