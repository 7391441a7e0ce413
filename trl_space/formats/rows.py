"""One row made to fit: what a mapping does. Total, and the very same in the page and in the job."""

from __future__ import annotations

import re
from typing import Any

from . import chats
from .chats import Messages
from .names import EXTRAS
from .pairs import side_of
from .shapes import Mapped, Mapping
from .trouble import trouble
from .values import filled, get, load, mark, number, text_in, written

SAME = "the two answers are the same"
NO_QUESTION = "the question is empty"
NO_ANSWER = "the answer is empty"
Row = dict[str, Any]


def apply(mapping: Mapping, row: Row) -> Mapped:
    """Return a row after the mapping; a row that nothing can be learned from is dropped with the reason."""
    if not isinstance(row, dict):
        return Mapped(problem="the row is not a set of columns")
    source = Source(mapping, row)
    if mapping.where:
        good = source.good(mapping.where)
        if good is not True:
            return Mapped(problem="the answer is not labelled good" if good is False else "the label says nothing")
    made = row if mapping.kind == "keep" else _MAKERS.get(mapping.type, _language)(source)
    if isinstance(made, str):
        return Mapped(problem=made)
    rows = made if isinstance(made, list) else [made]
    problem = next((found for found in (trouble(mapping, each) for each in rows) if found), None)
    return Mapped(problem=problem) if problem else Mapped(rows)


class Source:
    """A row seen through a mapping: the parts in it, whatever their columns are called."""

    def __init__(self, mapping: Mapping, row: Row) -> None:
        self.mapping, self.row = mapping, row
        self.columns, self.how = dict(mapping.columns), dict(mapping.how)
        self.chats = self.how.get("chat", "").split(",")
        # Texts that stay exactly as they are.
        self.verbatim = mapping.kind == "select"

    def value(self, part: str) -> Any:
        """Return what plays a part in this row, None when nothing does."""
        found = get(self.row, self.columns[part]) if part in self.columns else None
        if "first" in self.columns and isinstance(found, str) and found[:2] in ('["', "['"):
            listed = load(found)  # arenas write a list of turns as text
            return listed[0] if listed and isinstance(listed[0], str) else found
        return found

    def words(self, part: str) -> str:
        """Return the text of a part, "" when it has none."""
        found = written(self.value(part))
        return found if isinstance(found, str) and found.strip() else ""

    def good(self, column: str) -> bool | None:
        """Return whether the answer counts as good; None when its mark says nothing."""
        value = get(self.row, column)
        if "good_above" not in self.how:
            return mark(value)
        rated, limit = number(value), number(self.how["good_above"])
        return None if rated is None or limit is None else rated > limit

    def conversation(self) -> Messages | str:
        """Return the conversation in `messages`, with its system text."""
        made = chats.messages(self.value("messages"), self.mapping.vision)
        return made if isinstance(made, str) else self.with_system(made)

    def with_system(self, made: Messages) -> Messages:
        """Return a conversation that begins with the system text of the row, unless it has one of its own."""
        system = self.words("system")
        if system.startswith("SYSTEM: "):
            system = system[8:]
        first = made[0]["role"] if made else ""
        return [{"role": "system", "content": system}, *made] if system and first != "system" else made

    def asked(self) -> Messages | str:
        """Return the question as a conversation that the assistant has to answer."""
        value = self.value("prompt")
        if (isinstance(value, str) and "prompt" not in self.chats) or isinstance(value, int | float):
            text = self.question()
            if not text:
                return NO_QUESTION
            made: Messages | str = [{"role": "user", "content": _no_picture(text, self.mapping.vision)}]
        else:
            made = chats.messages(value, self.mapping.vision)
        if isinstance(made, str):
            return NO_QUESTION if made == chats.EMPTY else made
        before = chats.messages(self.value("history"), self.mapping.vision) if filled(self.value("history")) else []
        if isinstance(before, str):
            return before
        return self.with_system(before + made)

    def question(self) -> str:
        """Return the question as one text: the passage to read, the question, its input, the choices."""
        if not self.words("prompt"):
            return ""
        choices = self.value("choices")
        listed = choices if isinstance(choices, list | tuple) else ()
        lines = "\n".join(
            each if re.match(rf"\(?{chr(65 + at)}[).:]", each) else f"{chr(65 + at)}. {each}"
            for at, each in enumerate(listed[:26])
            if isinstance(each, str)
        )
        given = self.words("input")
        given = "" if given.strip().lower() in ("<noinput>", "nan", "none", "n/a") else given
        pieces = [self.words("context"), self.words("prompt"), given, lines]
        return "\n\n".join(piece for piece in pieces if piece)

    def asked_text(self) -> str:
        """Return the question for models without a chat template: one text, with a line between it and the answer."""
        if self.verbatim:
            return self.words("prompt")
        question = self.question()
        system = self.words("system")
        return "".join(f"{piece}\n\n" for piece in (system, question) if piece) if question else ""

    def told(self) -> Any:
        """Return the one answer to learn from, as it stands in the row."""
        if "completion" not in self.columns:
            better = self.better()
            return None if isinstance(better, str) else better[0]
        value, choices = self.value("completion"), self.value("choices")
        at = number(value)
        if "choices" in self.columns and at is not None and isinstance(choices, list | tuple):
            return chr(65 + int(at)) if 0 <= at < min(len(choices), 26) else None
        return value

    def better(self) -> tuple[Any, Any] | str:
        """Return the better and the worse answer, or why nobody can tell them apart."""
        if "answers" in self.columns:
            return self._best()
        if "first" not in self.columns:
            return self.value("chosen"), self.value("rejected")
        one, other = self.value("first"), self.value("second")
        won = self._winner()
        if won is None:
            return "nothing says which answer is better"
        return (one, other) if won == 0 else (other, one) if won == 1 else "no answer is better than the other"

    def _winner(self) -> int | None:
        rule, value = self.how.get("winner", ""), self.value("winner")
        if rule == "words":
            return side_of(value)
        if rule == "scores":
            left, right = number(self.value("first_score")), number(self.value("second_score"))
            return None if left is None or right is None else _sign(left - right)
        found = number(value)
        if found is None:
            return None
        if rule == "signed":
            return _sign(-found)
        return {"index": {0: 0, 1: 1}, "count": {1: 0, 2: 1}, "first": {1: 0, 0: 1}}.get(rule, {}).get(found)  # type: ignore[call-overload]

    def _best(self) -> tuple[Any, Any] | str:
        listed, scores = self.value("answers"), self.value("scores")
        if not isinstance(listed, list | tuple):
            return NO_ANSWER
        if self.how.get("best") == "index":
            at = number(scores)
            scores = [float(position == at) for position in range(len(listed))]
        if not isinstance(scores, list | tuple):
            return "the answers have no scores"
        low = self.how.get("best") == "low"
        rated = [(number(score), each) for score, each in zip(scores, listed, strict=False)]
        ordered = sorted(
            ((-score if low else score, each) for score, each in rated if score is not None and filled(each)),
            key=lambda pair: pair[0],
        )
        if len(ordered) < 2 or ordered[0][0] == ordered[-1][0]:
            return "no answer is better than the others"
        return ordered[-1][1], ordered[0][1]

    def extras(self) -> Row:
        """Return what goes along with the conversation: tools, pictures, words for the chat template."""
        made = {name: self.value(name) for name in EXTRAS if name in self.columns}
        if isinstance(made.get("tools"), str) and not isinstance(load(made["tools"]), list):
            made["tools"] = None
        if "images" in made and not isinstance(made["images"], list):
            made["images"] = [] if made["images"] is None else [made["images"]]
        return {name: value for name, value in made.items() if value is not None}


def _sign(value: float) -> int:
    return 0 if value > 0 else 1 if value < 0 else -1


def _no_picture(text: str, vision: bool) -> str:
    return text.replace("<image>", "").strip() if vision and "<image>" in text else text


# --- the makers, one for each type ---------------------------------------------------------------------------


def _language(source: Source) -> Row | str:
    if not source.mapping.conversational:
        return {"text": source.value("text")}
    made = source.conversation()
    return made if isinstance(made, str) else {"messages": made, **source.extras()}


def _completed(source: Source) -> Row | str:
    if "messages" in source.columns and "prompt" not in source.columns:
        made = source.conversation()
        if isinstance(made, str):
            return made
        asked, told = chats.cut(made)
        return {"prompt": asked, "completion": told, **source.extras()} if told else "there is no answer to learn from"
    if "chosen" in source.columns and "completion" not in source.columns and source.mapping.conversational:
        pair = _compared(source)
        if isinstance(pair, str) and pair != SAME:
            return pair
        if isinstance(pair, dict):
            rest = {name: value for name, value in pair.items() if name not in ("chosen", "rejected")}
            return {**rest, "completion": pair["chosen"]}
    value = source.told()
    if source.verbatim and source.mapping.conversational:
        return {"prompt": source.value("prompt"), "completion": value, **source.extras()}
    if not source.mapping.conversational:
        asked_text, answer = source.asked_text(), written(_one(value))
        if not isinstance(answer, str):
            return "the question or the answer is not a text"
        return {"prompt": asked_text, "completion": _after(asked_text, answer)} if asked_text else NO_QUESTION
    question = source.asked()
    if isinstance(question, str):
        return question
    if isinstance(value, str) and isinstance(source.value("prompt"), str):
        value = _after(source.value("prompt"), value)
    answer = chats.answer(value, source.mapping.vision, "completion" in source.chats)
    if isinstance(answer, str):
        return answer
    return {"prompt": question, "completion": answer, **source.extras()}


def _compared(source: Source) -> Row | str:
    pair = source.better()
    if isinstance(pair, str):
        return pair
    if not source.mapping.conversational:
        return _compared_texts(source, *pair)
    vision, chat = source.mapping.vision, bool({"chosen", "first"} & set(source.chats))
    one, other = (chats.answer(each, vision, chat) for each in pair)
    if isinstance(one, str) or isinstance(other, str):
        return one if isinstance(one, str) else str(other)
    if "prompt" in source.columns:
        asked = source.asked()
        if isinstance(asked, str):
            return asked
        if one[0]["role"] != "assistant" or other[0]["role"] != "assistant":
            cut = min(chats.shared(asked, one), chats.shared(asked, other))
            one, other = (one[cut:], other[cut:]) if cut == len(asked) else (one, other)
    else:
        asked = []
    if not asked or not one or not other or one[0]["role"] != "assistant" or other[0]["role"] != "assistant":
        # Whole conversations: the question is what they have in common.
        cut = chats.shared(one, other)
        while cut and not (_speaks(one, cut) and _speaks(other, cut)):
            cut -= 1
        if not cut:
            alike = [chats.key(each) for each in one] == [chats.key(each) for each in other]
            return SAME if alike else "the two answers do not begin with the same question"
        asked, one, other = source.with_system(one[:cut]), one[cut:], other[cut:]
    return {"prompt": asked, "chosen": one, "rejected": other, **source.extras()}


def _speaks(conversation: Messages, at: int) -> bool:
    return at < len(conversation) and conversation[at]["role"] == "assistant"


def _compared_texts(source: Source, one: Any, other: Any) -> Row | str:
    one, other = written(_one(one)), written(_one(other))
    if not isinstance(one, str) or not isinstance(other, str):
        return "an answer is not a text"
    if "prompt" not in source.columns:
        return {"chosen": one, "rejected": other}
    asked = source.asked_text()
    return {"prompt": asked, "chosen": _after(asked, one), "rejected": _after(asked, other)} if asked else NO_QUESTION


def _one(value: Any) -> Any:
    """The answer of a list or struct of them."""
    if isinstance(value, list | tuple):
        return next((each for each in value if isinstance(each, str) and each.strip()), None)
    return text_in(value) if isinstance(value, dict) else value


def _after(question: str, answer: str) -> str:
    """An answer without the question it begins with."""
    while len(question.strip()) >= 20 and answer.startswith(question):
        answer = answer[len(question) :]
    return answer


def _marked(source: Source) -> Row | list[Row] | str:
    if "label" not in source.columns:
        pair = _compared(source)
        if isinstance(pair, str):
            return pair
        rest = {name: value for name, value in pair.items() if name not in ("chosen", "rejected")}
        return [{**rest, "completion": pair[part], "label": part == "chosen"} for part in ("chosen", "rejected")]
    good = source.good(source.columns["label"])
    if good is None:
        return "the label says neither good nor bad"
    made = _completed(source)
    return made if isinstance(made, str) else {**made, "label": good}


def _prompted(source: Source) -> Row | str:
    right: Any = source.value("solution")
    has_right = "solution" in source.columns
    if not source.mapping.conversational:
        text = source.asked_text()
        made: Row = {"prompt": text}
        if not text:
            return NO_QUESTION
    else:
        if "prompt" in source.columns:
            asked = source.asked()
        elif "messages" in source.columns:
            asked = source.conversation()
        else:
            pair = _compared(source)
            asked = pair if isinstance(pair, str) else pair["prompt"]
        if isinstance(asked, str):
            return asked
        if ("messages" in source.columns and "prompt" not in source.columns) or asked[-1]["role"] == "assistant":
            ends_asking = asked[-1]["role"] in ("user", "tool")
            asked, told = (asked, []) if ends_asking else chats.cut(asked)
            if not has_right:
                right, has_right = chats.text_of(told[0]["content"]) if told else None, True
        if not asked:
            return NO_QUESTION
        made = {"prompt": asked, **source.extras()}
    if not has_right:
        return made
    if "choices" in source.columns and source.columns.get("solution") == source.columns.get("completion"):
        right = source.told()
    return {**made, "solution": _reference(right)}


def _reference(value: Any) -> str | None:
    """A right answer as text."""
    if isinstance(value, list | tuple) and value and isinstance(value[-1], dict) and "content" in value[-1]:
        return chats.text_of(value[-1]["content"])
    if isinstance(value, dict) and "content" in value:
        return chats.text_of(value["content"])
    found = written(_one(value))
    return found if isinstance(found, str) and found.strip() else None


_MAKERS = {
    "language_modeling": _language,
    "prompt_completion": _completed,
    "preference": _compared,
    "unpaired_preference": _marked,
    "prompt_only": _prompted,
}
