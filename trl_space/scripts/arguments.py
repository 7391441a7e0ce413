"""The arguments of a script: words on a command line, and the values that a form shows for them.

    reading = read(("--model", "x", "--push"), arguments)
    reading.values                         # {"model": "x", "push": True}
    reading.rest                           # what nobody knows, as it is
    reading.words                          # ("--model", "x", "--push"): exactly what was read
    write(reading.values, reading.rest, arguments)      # the same said in the usual way; it is read as the same
    changed(words, arguments, "model", "y")             # only that argument is another one

Words are cut as Python's argparse does it: `--x=1`, `--x 1`, `-n5`, starts of names, `--no-x`, values that begin with a
dash when they are numbers, and all that follows `--` as it is. Values are text as written; True and False for
what is on or off; tuples where several belong together. Nothing here raises but `write`, which raises
ValueError for values that no command line can say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trl_space.fields import Kind, Value
from trl_space.names import short

Given = bool | str | tuple[str, ...]
# How many words belong to an argument: none, at most one, one, any number, at least one; or exactly `count`.
Takes = Literal["none", "maybe", "one", "some", "many", "count"]
YES, NO = ("true", "yes", "t", "y", "1"), ("false", "no", "f", "n", "0")
_NUMBER = re.compile(r"-\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|-\.\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Argument:
    """One argument of a script. Without `flags` and `off` it stands by its place.

    `off` are flags that turn it off. `repeats`: it may be given several times and all count; its value is a tuple
    then. `default` is what the script does when nothing is said, None where that is not known.
    """

    name: str
    flags: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    kind: Kind = "text"
    takes: Takes = "one"
    count: int = 1
    repeats: bool = False
    help: str = ""
    default: Value = None
    choices: tuple[str, ...] = ()
    required: bool = False
    optional: bool = False
    owner: str = ""

    @property
    def placed(self) -> bool:
        """Whether it stands by its place."""
        return not self.flags and not self.off

    @property
    def shown(self) -> str:
        """How it is called in a sentence."""
        return (self.flags or self.off or (self.name,))[0]

    @property
    def least(self) -> int:
        """How many words it needs."""
        return {"none": 0, "maybe": 0, "one": 1, "some": 0, "many": 1, "count": self.count}[self.takes]

    @property
    def most(self) -> int | None:
        """How many words it takes at most; None for any number."""
        return {"none": 0, "maybe": 1, "one": 1, "some": None, "many": None, "count": self.count}[self.takes]


@dataclass(frozen=True)
class Problem:
    """What is wrong with an argument, in a sentence.

    `unknown`: the script has none of that name; `needs`: a value is missing; `value`: it is not one that is taken;
    `required`: it has to be given; `unclear`: several begin like this.
    """

    kind: Literal["unknown", "needs", "value", "required", "unclear"]
    name: str
    sentence: str


@dataclass(frozen=True)
class Piece:
    """Words that belong together. `name` is the argument they set, "" for what nobody knows."""

    words: tuple[str, ...]
    name: str = ""
    value: Given | None = None


@dataclass(frozen=True)
class Reading:
    """What words say."""

    pieces: tuple[Piece, ...] = ()
    values: Mapping[str, Given] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Exactly the words that were read."""
        return tuple(word for piece in self.pieces for word in piece.words)

    @property
    def rest(self) -> tuple[str, ...]:
        """The words that set no argument."""
        return tuple(word for piece in self.pieces if not piece.name for word in piece.words)


def read(words: Iterable[str], arguments: Sequence[Argument], strict: bool = False) -> Reading:
    """What the words say. `strict`: the script refuses arguments that it does not know."""
    pieces, problems = _cut(tuple(words), arguments)
    values: dict[str, Given] = {}
    known = {one.name: one for one in arguments}
    for piece in pieces:
        if piece.name and piece.value is not None:
            before = values.get(piece.name, ())
            again = known[piece.name].repeats and isinstance(before, tuple)
            values[piece.name] = (*before, *_tuple(piece.value)) if again else piece.value
    flags = _Flags(arguments)
    for piece in pieces if strict else ():
        flag = None if piece.name else flags.found(piece.words[0])
        if flag is not None and flag[0] not in (*flags.known, "--"):
            problems.append(Problem("unknown", flag[0], f"the script has no argument {short(flag[0])}"))
    for piece in pieces:  # also what is said again later: a script looks at each
        if piece.name and piece.value is not None and (said := value_problem(known[piece.name], piece.value)):
            problems.append(Problem("value", piece.name, said))
    for one in arguments:
        if one.required and one.name not in values:
            problems.append(Problem("required", one.name, f"the script cannot do without {one.shown}"))
    return Reading(tuple(pieces), values, tuple(problems))


def value_problem(argument: Argument, value: Given) -> str:
    """Why a script would refuse a value, "" when it would not."""
    for one in _tuple(value):
        if isinstance(one, bool) or (argument.optional and one.lower() in ("none", "null")):
            continue
        if argument.choices:
            if one not in argument.choices:
                return f"{argument.shown} takes one of {', '.join(argument.choices)}, not {short(one)}"
        elif argument.kind == "bool":
            if one.lower() not in (*YES, *NO):
                return f"{argument.shown} takes true or false, not {short(one)}"
        elif argument.kind in ("int", "float", "numbers") and not _is_number(one, argument.kind):
            wanted = "a whole number" if argument.kind == "int" else "a number"
            return f"{argument.shown} takes {wanted}, not {short(one)}"
        elif argument.kind == "json" and one.lstrip().startswith("{") and not _is_json(one):
            return f"{argument.shown} takes JSON, and {short(one)} is none"
    return ""


def write(values: Mapping[str, Given], rest: Sequence[str], arguments: Sequence[Argument]) -> tuple[str, ...]:
    """The words that say these values and the rest; `read` reads them as the same.

    Raises ValueError for an argument that is not there, and for values that cannot be said.
    """
    known = {one.name: one for one in arguments}
    if unknown := next((name for name in values if name not in known), ""):
        raise ValueError(f"the script has no argument {short(unknown)}")
    flags = _Flags(arguments)
    said = {name: flags.said(known[name], value) for name, value in values.items()}
    end = rest.index("--") if "--" in rest else len(rest)
    placed = [word for one in arguments if one.placed for word in said.get(one.name, ())]
    flagged = [word for one in arguments if not one.placed for word in said.get(one.name, ())]
    words = (*placed, *rest[:end], *flagged, *rest[end:])
    again = read(words, arguments)
    if again.values != {name: value for name, value in values.items() if said[name]} or again.rest != tuple(rest):
        raise ValueError("these arguments cannot be written so that they are read as they are meant")
    return words


def changed(words: Iterable[str], arguments: Sequence[Argument], name: str, value: Given | None) -> tuple[str, ...]:
    """The words with another value for one argument (None: without it); everything else stays where it is."""
    reading = read(words, arguments)
    argument = next((one for one in arguments if one.name == name), None)
    if argument is None:
        raise ValueError(f"the script has no argument {short(name)}")
    wanted = {key: one for key, one in reading.values.items() if key != name} | ({} if value is None else {name: value})
    new = () if value is None else _Flags(arguments).said(argument, value)
    places = [place for place, piece in enumerate(reading.pieces) if piece.name == name]
    end = next((place for place, piece in enumerate(reading.pieces) if piece.words[0] == "--"), len(reading.pieces))
    at = places[0] if places else 0 if argument.placed else end
    made: list[str] = []
    for place, piece in enumerate((*reading.pieces, Piece(()))):
        if place == at:
            made += new
        if place not in places:
            made += piece.words
    # Words can be read otherwise once their neighbour is another one; then everything is written anew.
    again = read(made, arguments)
    if again.values == wanted and again.rest == reading.rest:
        return tuple(made)
    return write(wanted, reading.rest, arguments)


class _Flags:
    """The flags of a script, and which words are some."""

    def __init__(self, arguments: Iterable[Argument]) -> None:
        self.known = {flag: one for one in arguments for flag in (*one.flags, *one.off)}
        self.numbers = any(_NUMBER.fullmatch(flag) for flag in self.known)

    def found(self, word: str) -> tuple[str, str | None] | None:
        """The flag that a word is and the value that it holds; None for a word that is none."""
        if not word.startswith("-") or word == "-":
            return None
        if word in self.known:
            return word, None
        name, equals, value = word.partition("=")
        if equals and name in self.known:
            return name, value
        if word.startswith("--"):
            meant = self.meant(name)
            if len(meant) == 1:
                return next(iter(meant.values())), value if equals else None
        elif (short_one := self.known.get(word[:2])) is not None and short_one.most != 0:
            return word[:2], word[2:]
        if _NUMBER.fullmatch(word) and not self.numbers:
            return None
        return None if " " in word else (name, value if equals else None)

    def meant(self, start: str) -> dict[str, str]:
        """The arguments that a part of a flag may mean, each with its flag."""
        if not start.startswith("--") or len(start) < 3:
            return {}
        return {one.name: flag for flag, one in reversed(self.known.items()) if flag.startswith(start)}

    def said(self, argument: Argument, value: Given) -> tuple[str, ...]:
        """The words that give an argument a value; () where saying nothing says it. Raises ValueError."""
        if argument.placed:
            return tuple(str(one) for one in _tuple(value))
        flag = (argument.flags or argument.off)[0]
        if isinstance(value, bool):
            return self._switched(argument, flag, value)
        words = [str(one) for one in _tuple(value)]
        if argument.repeats and argument.takes in ("one", "maybe"):
            return tuple(part for word in words for part in self._once(flag, [word]))
        return self._once(flag, words)

    def _switched(self, argument: Argument, flag: str, on: bool) -> tuple[str, ...]:
        if not on and argument.off:
            return (argument.off[0],)
        if argument.most == 0:
            return (flag,) if on and argument.flags else ()
        return (flag,) if on and not argument.least else (flag, "true" if on else "false")

    def _once(self, flag: str, words: list[str]) -> tuple[str, ...]:
        if not any(self.found(word) for word in words):
            return (flag, *words)
        if len(words) > 1:
            raise ValueError(f"{flag} cannot take several values when one of them begins with a dash")
        return (f"{flag}={words[0]}",)


def _cut(words: tuple[str, ...], arguments: Sequence[Argument]) -> tuple[list[Piece], list[Problem]]:
    flags = _Flags(arguments)
    end = words.index("--") if "--" in words else len(words)
    found = [flags.found(word) for word in words[:end]]
    pieces: list[Piece | None] = []
    problems: list[Problem] = []
    bare: list[tuple[int, str]] = []
    place = 0
    while place < end:
        word, flag = words[place], found[place]
        place += 1
        if flag is None:
            bare.append((len(pieces), word))
            pieces.append(None)
            continue
        argument = flags.known.get(flag[0])
        if argument is None:
            pieces.append(Piece((word,)))  # nobody knows whether what follows belongs to it
            several = flags.meant(flag[0])
            if len(several) > 1:
                problems.append(Problem("unclear", flag[0], f"{flag[0]} may be {' or '.join(several.values())}"))
            continue
        after = place
        while after < end and found[after] is None and (argument.most is None or after - place < argument.most):
            after += 1
        piece, problem = _piece(argument, flag[0], word, flag[1], words[place:after])
        pieces.append(piece)
        problems += [problem] if problem else []
        place += len(piece.words) - 1
    for where, piece in _placed(bare, [one for one in arguments if one.placed]):
        pieces[where] = piece
    tail = [Piece(words[end:])] if end < len(words) else []
    return [piece for piece in pieces if piece is not None] + tail, problems


def _piece(
    argument: Argument, flag: str, word: str, given: str | None, following: tuple[str, ...]
) -> tuple[Piece, Problem | None]:
    """An argument with its words. What lacks its value is kept as it is, and sets nothing."""
    if flag in argument.off or argument.most == 0:
        if given is not None:
            sentence = f"{flag} takes no value, and {short(given)} is given"
            return Piece((word,)), Problem("value", argument.name, sentence)
        return Piece((word,), argument.name, flag not in argument.off), None
    values = following if given is None else (given,)
    words = (word, *following) if given is None else (word,)
    if len(values) < argument.least:
        return Piece(words), Problem("needs", argument.name, _needs(argument, flag))
    if _many(argument):
        return Piece(words, argument.name, values), None
    return Piece(words, argument.name, _plain(argument, values[0]) if values else True), None


def _plain(argument: Argument, word: str) -> Given:
    """The value that a single word is."""
    if argument.kind == "bool" and not argument.choices and word.lower() in (*YES, *NO):
        return word.lower() in YES
    return word


def _needs(argument: Argument, flag: str) -> str:
    return f"{flag} needs {argument.least} values" if argument.least > 1 else f"{flag} needs a value"


def _many(argument: Argument) -> bool:
    return argument.takes in ("some", "many", "count") or argument.repeats


def _placed(bare: list[tuple[int, str]], arguments: list[Argument]) -> Iterable[tuple[int, Piece]]:
    """The bare words, handed to the arguments that stand by their place; what is left over sets nothing."""
    start = 0
    for number, one in enumerate(arguments):
        later = sum(other.least for other in arguments[number + 1 :])
        left = max(0, len(bare) - start - later)
        size = left if one.most is None else min(left, one.most)
        if size < one.least or not size:
            continue
        for step, (where, word) in enumerate(bare[start : start + size]):
            value: Given | None = None  # the first of the words carries the value
            if step == 0:
                value = tuple(found for _, found in bare[start : start + size]) if _many(one) else word
            yield where, Piece((word,), one.name, value)
        start += size
    yield from ((where, Piece((word,))) for where, word in bare[start:])


def _tuple(value: Given) -> tuple[str | bool, ...]:
    return value if isinstance(value, tuple) else (value,)


def _is_number(text: str, kind: str) -> bool:
    try:
        (int if kind == "int" else float)(text)
    except (ValueError, OverflowError):
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
