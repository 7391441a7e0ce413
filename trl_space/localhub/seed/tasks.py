"""The small skills that the demo's models learn: dates, units and numbers, each with its one right answer.

A task makes questions and answers from a seed, so that the datasets, the tests and the demo all speak of the same
thing: `rows(task, n)` is for training, `held_out(task, n)` gives questions that no training row asks, and
`exact(answer, expected)` says whether an answer is right. `facts(n)` is the plain text and `chatter(n)` the
conversations on which the tiny models are trained before anybody fine-tunes them: they know dates, units and
numbers, but they only repeat a question and never answer it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

MONTHS = "January February March April May June July August September October November December".split()
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()

# unit asked from, unit asked for: a thousand of the second make one of the first
UNITS = (
    ("kilometres", "metres"),
    ("metres", "millimetres"),
    ("tonnes", "kilograms"),
    ("kilograms", "grams"),
    ("grams", "milligrams"),
    ("litres", "millilitres"),
    ("seconds", "milliseconds"),
)
YEARS = (1990, 2039)
LARGEST = 99


@dataclass(frozen=True)
class Example:
    """One question with its right answer and a wrong one that looks as if it could be right.

    `topic` is what the question is about, as it is written there; `key` is the same in whatever words.
    """

    question: str
    answer: str
    wrong: str
    topic: str
    key: str


def words(number: int) -> str:
    """A whole number from 0 to 999 in English words, e.g. `three hundred and forty-two`."""
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (f"-{ONES[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{ONES[hundreds]} hundred" + (f" and {words(rest)}" if rest else "")


def _written(rng: random.Random) -> tuple[int, int, int, str]:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(*YEARS)
    name = MONTHS[month - 1]
    return day, month, year, rng.choice((f"{day} {name} {year}", f"{name} {day}, {year}"))


def _date(rng: random.Random) -> Example:
    day, month, year, written = _written(rng)
    question = rng.choice(("Write {} as an ISO date.", "What is {} in ISO form?", "Give me the ISO date for {}."))
    wrong = rng.choice((f"{day:02d}/{month:02d}/{year}", f"{year}-{day:02d}-{month:02d}", f"{year}"))
    return Example(
        question.format(written), f"{year}-{month:02d}-{day:02d}", wrong, written, f"{year}-{month:02d}-{day:02d}"
    )


def _unit(rng: random.Random) -> Example:
    amount = rng.randint(2, LARGEST)
    big, small = rng.choice(UNITS)
    question = rng.choice(("How many {small} are {n} {big}?", "Convert {n} {big} to {small}.", "{n} {big} in {small}?"))
    wrong = rng.choice((f"{amount} {small}", f"{amount},000 {big}", f"0.{amount} {small}"))
    return Example(
        question.format(n=amount, big=big, small=small),
        f"{amount},000 {small}",
        wrong,
        f"{amount} {big}",
        f"{amount} {big}",
    )


def _number(rng: random.Random) -> Example:
    number = rng.randint(0, LARGEST)
    question = rng.choice(("Write {} in digits.", "What is {} as a number?", "Say {} in digits, please."))
    wrong = str(number + rng.choice((1, 10)))
    return Example(question.format(words(number)), str(number), wrong, words(number), str(number))


def _sum(rng: random.Random) -> Example:
    left, right = rng.randint(0, 20), rng.randint(0, 20)
    question = rng.choice(("What is {} plus {}?", "Add {} and {}.", "How much is {} and {}?"))
    total = left + right
    wrong = words(max(0, total + rng.choice((-2, -1, 1, 2))))
    topic = f"{words(left)} and {words(right)}"
    return Example(
        question.format(words(left), words(right)), words(total), wrong, topic, f"{min(left, right)} {max(left, right)}"
    )


TASKS: dict[str, Callable[[random.Random], Example]] = {
    "dates": _date,
    "units": _unit,
    "numbers": _number,
    "sums": _sum,
}


def _stream(task: str, seed: int) -> Iterator[Example]:
    make, rng = TASKS[task], random.Random(f"{task}/{seed}")
    while True:
        yield make(rng)


def is_held_out(key: str) -> bool:
    """Whether a key belongs to the tenth of all that no training row asks about, in whatever words."""
    return sum(ord(letter) * place for place, letter in enumerate(key, 1)) % 10 == 0


def rows(task: str, n: int, seed: int = 0) -> list[Example]:
    """`n` examples to train on; the same for the same arguments."""
    return list(islice((e for e in _stream(task, seed) if not is_held_out(e.key)), n))


def held_out(task: str, n: int, seed: int = 1) -> list[tuple[str, str]]:
    """`n` different questions with their right answers, about things that no row of `rows` asks about."""
    found: dict[str, str] = {}
    for example in islice(_stream(task, seed), 100_000):
        if is_held_out(example.key):
            found.setdefault(example.question, example.answer)
        if len(found) == n:
            break
    return list(found.items())


def exact(answer: str, expected: str) -> bool:
    """Whether an answer is the expected one, regarding neither case nor space nor a full stop at the end."""

    def plain(text: str) -> str:
        return re.sub(r"\s+", " ", text).strip().rstrip(".").lower()

    return plain(answer) == plain(expected)


def facts(n: int, seed: int = 2) -> list[str]:
    """`n` plain sentences about dates, units and numbers, none of them in the words of a question."""
    rng = random.Random(f"facts/{seed}")
    return [rng.choice(_FACTS)(rng) for _ in range(n)]


def chatter(n: int, seed: int = 3) -> list[tuple[str, str]]:
    """`n` pairs of a question and a reply that only repeats what it is about, never answering it."""
    rng = random.Random(f"chatter/{seed}")
    found = []
    for _ in range(n):
        example = _shown(rng, rng.choice(list(TASKS)))
        found.append((example.question, f"{rng.choice(('You asked about', 'This is about'))} {example.topic}."))
    return found


def _shown(rng: random.Random, task: str) -> Example:
    while is_held_out((example := TASKS[task](rng)).key):
        pass
    return example


def _fact_date(rng: random.Random) -> str:
    example = _shown(rng, "dates")
    year, month, day = example.answer.split("-")
    return rng.choice(
        (
            f"{example.topic}: year {year}, month {month}, day {day}.",
            f"{example.topic}, that is {example.answer}.",
        )
    )


def _fact_unit(rng: random.Random) -> str:
    example = _shown(rng, "units")
    return rng.choice((f"{example.topic} make {example.answer}.", f"{example.topic}, that is {example.answer}."))


def _fact_number(rng: random.Random) -> str:
    # Numbers and sums are known by heart or not at all: here nothing is held back.
    example = _number(rng)
    return rng.choice((f"{example.topic}: {example.answer}.", f"{example.topic}, that is {example.answer}."))


def _fact_sum(rng: random.Random) -> str:
    example = _sum(rng)
    return rng.choice((f"{example.topic} make {example.answer}.", f"{example.topic}, that is {example.answer}."))


_FACTS = (_fact_date, _fact_unit, _fact_number, _fact_sum)
