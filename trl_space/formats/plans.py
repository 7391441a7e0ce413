"""What makes rows fit a goal.

`choices` are the visitor's answers: a part with the name of a column (`-` for none), `style` (`text` for plain
text, `chat` for conversations, where both are possible), `answer` (`chosen` teaches the better answer of a
comparison, `good` the answers marked good, `all` every one of them).
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping

from .names import EXTRAS, PROMPTERS, RESERVED, REWARD_ARGUMENTS, TAKES
from .shapes import DatasetFormat, Mapping
from .values import ANSWERS, CHATS, MESSAGE, TEXTS

_TEXT = (*TEXTS, "digits", "number")
_ASKED = (*TEXTS, "digits", *CHATS, *MESSAGE)
_SPEECH = (*ANSWERS, "struct")
_LISTS = ("ids", "numbers", "bools", "texts")
# What kinds of columns can play a part.
KINDS: dict[str, tuple[str, ...]] = {
    "text": TEXTS,
    "messages": (*CHATS, "texts", "pairs", "transcript", "struct"),
    "prompt": _ASKED,
    "completion": _SPEECH,
    "chosen": _SPEECH,
    "rejected": _SPEECH,
    "first": _SPEECH,
    "second": _SPEECH,
    "winner": ("number", "digits", "text"),
    "first_score": ("number", "digits", "bool"),
    "second_score": ("number", "digits", "bool"),
    "answers": ("texts",),
    "scores": (*_LISTS, "number", "digits"),
    "label": ("bool", "number", "digits", "text"),
    "solution": _SPEECH,
    "system": TEXTS,
    "context": _TEXT,
    "input": (*_TEXT, "unknown"),
    "history": (*CHATS, "pairs"),
    "choices": ("texts",),
}
_BESIDE = ("system", "context", "input", "history", "choices")
_COMPARED = (("chosen", "rejected"), ("first", "second"), ("answers", "scores"))


def plan(fmt: DatasetFormat, trainer: str, choices: AnyMapping[str, str] | None = None) -> Mapping | None:
    """Return what makes such rows fit a trainer, or None when nothing does."""
    return Planner(fmt, trainer, choices).mapping() if trainer in TAKES else None


class Planner:
    """A plan in the making: `roles` are the parts with their columns, by recognition and by hand."""

    def __init__(self, fmt: DatasetFormat, trainer: str, choices: AnyMapping[str, str] | None) -> None:
        choices = choices if isinstance(choices, AnyMapping) else {}
        self.fmt, self.trainer = fmt, trainer
        self.hand = {part: column for part, column in choices.items() if part in KINDS and isinstance(column, str)}
        self.style, self.answer = choices.get("style"), choices.get("answer")
        self.roles = self._roles()

    def _roles(self) -> dict[str, str]:
        """The parts with their columns, the visitor's choices over those that were recognised."""
        roles = {part: column for part, column in self.fmt.roles.items() if part in KINDS or part == "rating"}
        named = {part for part, column in self.hand.items() if column != "-"}
        others = {
            "messages": ("prompt", "completion", "solution", "text", *_BESIDE[1:]),
            "text": ("messages", "prompt", "completion", "chosen", "rejected"),
            "prompt": ("messages", "text"),
            "completion": ("messages", "text"),
            "chosen": ("first", "second", "answers", "scores", "winner"),
            "label": ("rating",),
        }
        for part in named:
            for other in others.get(part, ()):
                roles.pop(other, None)
        # A column that was given a part has no other one.
        taken = {self.hand[part] for part in named}
        roles = {part: column for part, column in roles.items() if column not in taken or part in ("label", "rating")}
        roles |= {part: self.hand[part] for part in named}
        return {part: column for part, column in roles.items() if self.hand.get(part) != "-"}

    def _kind(self, part: str) -> str:
        return self.fmt.columns.get(self.roles.get(part, ""), "")

    def _usable(self) -> bool:
        """Whether the columns that were chosen are there and of a kind that can play their part."""
        named = ((part, column) for part, column in self.hand.items() if column != "-")
        return all(self.fmt.columns.get(column) in KINDS[part] for part, column in named)

    def mapping(self) -> Mapping | None:
        """Return the mapping, or None when nothing makes the rows fit."""
        fmt = self.fmt
        if not self._usable() or (fmt.vision and self.trainer == "reward"):
            return None
        picky = self.trainer == "sft" and self.answer == "good" and {"label", "rating"} & set(self.roles)
        if not self.hand and self.style != "chat" and not picky and self._fits():
            return Mapping("keep", type=str(fmt.type), conversational=fmt.conversational, vision=fmt.vision)
        if self.trainer == "sft":
            return self._sft()
        if self.trainer in PROMPTERS:
            return self._prompts()
        return self._marked() or self._compared() if self.trainer == "kto" else self._compared()

    def _fits(self) -> bool:
        """Whether the trainer takes the rows as they are, and nothing in them is lost or harmful."""
        fmt = self.fmt
        if fmt.type not in TAKES[self.trainer] or (fmt.vision and not fmt.conversational):
            return False
        if self.trainer == "kto" and fmt.type == "preference" and fmt.vision:
            return False  # TRL wants these one answer at a time
        if self.trainer == "sft" and fmt.type != "pretokenized" and "labels" in fmt.columns:
            return False  # TRL would take that column for finished labels
        if self.trainer in PROMPTERS:
            answer = "completion" in self.roles or "solution" in self.roles
            beside = (REWARD_ARGUMENTS | RESERVED) - {"prompt"}
            return not beside & set(fmt.columns) and ("solution" in fmt.columns or not answer)
        return True

    # --- one for each kind of goal

    def _sft(self) -> Mapping | None:
        roles = self.roles
        where, how = "", {}
        mark = roles.get("label") or roles.get("rating")
        if mark and self.answer != "all" and not {"text", "messages", "completion"} & set(self.hand):
            if self.answer == "good":
                where, how = mark, self._above(mark)
            elif "label" in roles:
                return None  # teaching every answer would teach the bad ones too
        found = self._language(where, how)
        if found is None and "completion" in roles and "prompt" in roles:
            found = self._pair("prompt_completion", where=where, how=how)
        return self._chosen() if found is None and self.answer == "chosen" else found

    def _language(self, where: str, how: dict[str, str]) -> Mapping | None:
        roles, chat_first = self.roles, self.style != "chat" or "completion" not in self.roles
        if "messages" in roles:
            parts = {part: roles[part] for part in ("messages", "system") if part in roles}
            return self._make("chat", "language_modeling", parts, True, how, where)
        if "text" in roles and ("text" in self.hand or self.fmt.layout == "text") and chat_first:
            return self._make("select", "language_modeling", {"text": roles["text"]}, False, how, where)
        return None

    def _chosen(self) -> Mapping | None:
        """Teach the better answer of a comparison."""
        roles, kind = self.roles, self._kind("chosen")
        if "chosen" in roles and "prompt" not in roles:
            if kind in (*CHATS, "transcript"):
                return self._make("chat", "language_modeling", {"messages": roles["chosen"]}, True)
            return (
                self._make("select", "language_modeling", {"text": roles["chosen"]}, False) if kind in TEXTS else None
            )
        found = self._compared()
        if found is None:
            return None
        columns, kept = dict(found.columns), found.kind
        if "chosen" in columns and (not found.conversational or self._exact("chosen")):
            columns["completion"] = columns.pop("chosen")
            columns.pop("rejected")
        how = dict(found.how)
        return self._make(kept, "prompt_completion", columns, found.conversational, how)

    def _prompts(self) -> Mapping | None:
        roles = self.roles
        right = roles.get("solution") or roles.get("completion", "")
        checked = {"solution": right} if right and self.hand.get("solution") != "-" else {}
        beside = {part: roles[part] for part in _BESIDE if part in roles}
        if "choices" in roles and "completion" in roles:
            beside["completion"] = roles["completion"]
        if "messages" in roles and "prompt" not in roles:
            parts = {"messages": roles["messages"], **{p: c for p, c in beside.items() if p == "system"}}
            return self._make("chat", "prompt_only", {**parts, **checked}, True)
        if "prompt" in roles and not (self._whole() and "prompt" not in self.hand):
            # A question in one column may be one of many turns of a conversation in another.
            text = self._kind("prompt") in _TEXT and self.style == "text"
            kind = "select" if text and roles["prompt"] == "prompt" and not beside else "pair"
            return self._make(kind, "prompt_only", {"prompt": roles["prompt"], **beside, **checked}, not text)
        if "text" in roles and self._kind("text") == "transcript":
            return self._make("chat", "prompt_only", {"messages": roles["text"]}, True)
        found = self._compared(chat=True)
        if found is None or not found.conversational:
            return None
        return self._make("pair", "prompt_only", dict(found.columns), True, dict(found.how))

    def _whole(self) -> bool:
        return self._kind("chosen") in (*CHATS, "transcript") and "prompt" not in self.fmt.roles

    def _marked(self) -> Mapping | None:
        """One answer and a mark."""
        roles = self.roles
        mark = roles.get("label") or roles.get("rating", "")
        above = self._above(mark)
        if not mark or ("completion" not in roles and "messages" not in roles):
            return None
        if mark == roles.get("rating") and "chosen" in roles:
            return None
        if self.fmt.columns.get(mark) in ("number", "digits") and not above and not self._is_mark(mark):
            return None
        if "messages" in roles and "completion" not in roles:
            parts = {part: roles[part] for part in ("messages", "system") if part in roles}
            return self._make("pair", "unpaired_preference", {**parts, "label": mark}, True, above)
        return self._pair("unpaired_preference", {"label": mark}, how=above)

    def _compared(self, chat: bool = False) -> Mapping | None:
        """A better and a worse answer."""
        roles = self.roles
        parts = next((parts for parts in _COMPARED if all(part in roles for part in parts)), None)
        if parts is None:
            return None
        word = {"first": "winner", "answers": "best"}.get(parts[0], "")
        how = {word: self.fmt.hints[word]} if word in self.fmt.hints else {}
        also = {part: roles[part] for part in ("winner", "first_score", "second_score") if part in roles}
        also = also if parts[0] == "first" else {}
        beside = {part: roles[part] for part in ("prompt", *_BESIDE[:-1]) if part in roles}
        columns = {**beside, **{part: roles[part] for part in parts}, **also}
        texts = all(self._kind(part) in _TEXT for part in parts) or parts[0] == "answers"
        asked_text = "prompt" not in roles or self._kind("prompt") in _TEXT
        spoken = self._kind(parts[0]) == "transcript" and (chat or self.style == "chat")
        if "prompt" not in roles and texts and not spoken:
            return self._make("select", "preference", columns, False, how) if parts[0] == "chosen" else None
        exact = parts == ("chosen", "rejected") == (roles["chosen"], roles["rejected"]) and self._exact("chosen")
        plain = texts and asked_text and (self.style == "text" or (self.style != "chat" and exact and not chat))
        if "prompt" not in roles and self._kind(parts[0]) in (*MESSAGE, "texts", "struct"):
            return None
        kind = "select" if plain and roles.get("prompt", "prompt") == "prompt" and len(beside) < 2 else "pair"
        if self.fmt.vision and self.trainer == "kto":
            return self._make("pair", "unpaired_preference", columns, True, how)
        return self._make(kind, "preference", columns, not plain or self.fmt.vision, how)

    # --- putting it together

    def _exact(self, answer: str) -> bool:
        """Whether question and answer are in TRL's own columns as texts: then they stay texts."""
        roles = self.roles
        named = roles.get("prompt", "prompt") == "prompt" and roles.get(answer, answer) == answer
        return named and not any(part in roles for part in _BESIDE) and not self.hand and not self.fmt.vision

    def _is_mark(self, column: str) -> bool:
        return column in self.fmt.hints.get("marks", "").split("\n")

    def _above(self, column: str) -> dict[str, str]:
        limit = self.fmt.hints.get(f"above {column}", "")
        return {"good_above": limit} if limit and not self._is_mark(column) else {}

    def _pair(
        self, type_: str, more: dict[str, str] | None = None, where: str = "", how: dict[str, str] | None = None
    ) -> Mapping | None:
        """A question and one answer."""
        roles = self.roles
        columns = {part: roles[part] for part in ("prompt", *_BESIDE, "completion") if part in roles} | (more or {})
        if "prompt" not in columns:
            return None
        texts = self._kind("prompt") in _TEXT and self._kind("completion") in (*_TEXT, "bool", "texts")
        plain = texts and (self.style == "text" or (self.style != "chat" and self._exact("completion")))
        plain = plain and not self.fmt.vision
        both = {self._kind("prompt"), self._kind("completion")} <= {"messages"} and self.fmt.layout == "pair_beside"
        kind = "select" if (plain and self._exact("completion")) or both else "pair"
        return self._make(kind, type_, columns, not plain, how or {}, where)

    def _make(
        self,
        kind: str,
        type_: str,
        columns: dict[str, str],
        chat: bool,
        how: dict[str, str] | None = None,
        where: str = "",
    ) -> Mapping:
        told = dict(how or {})
        if chat:
            read = [
                part
                for part, column in columns.items()
                if self.fmt.columns.get(column) == "json"
                or (self.fmt.columns.get(column) == "transcript" and part in ("prompt", "chosen", "rejected", "first"))
            ]
            told |= {"chat": ",".join(read)} if read else {}
            columns = columns | {name: name for name in EXTRAS if name in self.fmt.columns}
            picture = self.fmt.hints.get("picture", "")
            if picture:
                columns = {name: at for name, at in columns.items() if name not in ("image", "images")}
                columns["image"] = picture
        return Mapping(
            kind, tuple(columns.items()), type_, chat, self.fmt.vision and chat, where, tuple(sorted(told.items()))
        )
