"""What a dataset is in TRL's terms, and how its rows are made to fit a trainer.

`inspect` looks at some rows and names their type. `plan` says how to make such rows fit a trainer, and `apply`
does it to one row. All three are total: any row gives an answer, none raises.

    fmt = inspect(rows)                 # fmt.type is None when TRL cannot take the rows as they are
    mapping = plan(fmt, "sft")          # None when nothing makes them fit; .empty when nothing is needed
    for row in rows:
        mapped = apply(mapping, row)    # mapped.rows to train on, or mapped.problem saying why there are none

Only the standard library is used, because jobs carry this very file with them. TRL itself checks almost nothing
and fails late, with an error about a key, so everything known to fail there is caught here. Alpaca and
question/answer rows become conversations (`prompt` and `completion` as message lists); with the answer
`style: text` they become plain text for models without a chat template.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

# Dataset types that each trainer takes as they are.
TAKES = {
    "sft": ("language_modeling", "prompt_completion", "pretokenized"),
    "dpo": ("preference",),
    "reward": ("preference",),
    "kto": ("unpaired_preference", "preference"),
    "grpo": ("prompt_only",),
    "rloo": ("prompt_only",),
    "distillation": ("prompt_only",),
}
STANDARD_ROLES = ("system", "developer", "user", "assistant", "tool")
# Who speaks, in the words of the layouts found on the Hub.
ROLES = {
    **{role: role for role in STANDARD_ROLES},
    **dict.fromkeys(("human", "prompter", "instruction", "question"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "bing", "bard", "model", "bot", "ai", "answer", "function_call"), "assistant"),
    **dict.fromkeys(("function", "function_response", "observation", "ipython", "tool_response"), "tool"),
}
CHAT_COLUMNS = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns")
QUESTION_COLUMNS = ("instruction", "question", "query", "prompt", "problem", "input")
ANSWER_COLUMNS = ("output", "response", "answer", "completion")
SYSTEM_COLUMNS = ("system", "system_prompt")
# Columns that go along with a conversation.
EXTRAS = ("tools", "chat_template_kwargs", "image", "images")
# Columns TRL looks for by name: a stray one beside those that are meant changes what it does.
RESERVED = {"messages", "conversations", "prompt", "completion", "chosen", "rejected", "input_ids"}
_CHATS = ("messages", "sharegpt", "parts")
_WRITTEN = ("text", "number")


@dataclass(frozen=True)
class DatasetFormat:
    """What some rows are.

    `type` is TRL's dataset type, None when no trainer takes the rows as they are. `layout` names what was
    recognised (`messages`, `sharegpt`, `alpaca`, `question_answer`, ...; "" for nothing). `roles` says which
    column plays which part in that layout, `columns` the kind of every column. `problems` are plain sentences.
    """

    type: str | None = None
    conversational: bool = False
    vision: bool = False
    tools: bool = False
    problems: list[str] = field(default_factory=list)
    layout: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapping:
    """How rows are made to fit. Made by `plan`, used by `apply`, carried to the job with `to_dict`.

    `kind`: `keep` leaves rows as they are, `select` takes and renames columns, `chat` rewrites a conversation,
    `pair` makes prompt and completion. `columns` holds (part, column) pairs. `type` and `conversational` say what
    comes out. With `where`, only rows in which that column is true are used.
    """

    kind: str = "keep"
    columns: tuple[tuple[str, str], ...] = ()
    type: str = "language_modeling"
    conversational: bool = False
    vision: bool = False
    where: str = ""

    @property
    def empty(self) -> bool:
        """Whether the rows fit as they are."""
        return self.kind == "keep"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {**self.__dict__, "columns": [list(pair) for pair in self.columns]}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Mapping:
        """Return the mapping that `to_dict` wrote."""
        known = {name: plain[name] for name in cls.__dataclass_fields__ if name in plain}
        return cls(**{**known, "columns": tuple((pair[0], pair[1]) for pair in known.get("columns", ()))})


@dataclass(frozen=True)
class Mapped:
    """One row after the mapping: the rows to train on, or none and the reason."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    problem: str | None = None


def inspect(rows: list[dict[str, Any]], features: dict[str, Any] | None = None) -> DatasetFormat:
    """Say what rows are; `features` (the dataset viewer's) tell about columns that no row shows."""
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list | tuple) else []
    columns = _kinds(rows, features if isinstance(features, dict) else {})
    vision = any(kind == "image" for kind in columns.values()) or "image" in columns or "images" in columns
    vision = vision or any(_has_image(row) for row in rows)
    tools = any(row.get("tools") for row in rows) or any(_calls_tools(row) for row in rows)
    found = _recognise(columns, rows, vision)
    problems = [found.problem] if found.problem else []
    if found.type:
        as_it_is = Mapping("keep", type=found.type, conversational=found.conversational, vision=vision)
        reasons = Counter(mapped.problem for mapped in (apply(as_it_is, row) for row in rows) if mapped.problem)
        problems += [f"{count} of {len(rows)} rows cannot be used: {reason}" for reason, count in reasons.items()]
    return DatasetFormat(found.type, found.conversational, vision, tools, problems, found.layout, found.roles, columns)


def plan(fmt: DatasetFormat, trainer: str, choices: dict[str, str] | None = None) -> Mapping | None:
    """Return what makes such rows fit a trainer, or None when nothing does.

    `choices` are the visitor's answers: `prompt` and `completion`, `messages` or `text` name columns by hand,
    `style: text` asks for plain text, `answer: chosen` teaches the better answer of a preference, and
    `answer: good` the answers labelled good.
    """
    choices = dict(choices or {})
    if trainer == "sft":
        return _by_hand(fmt, choices) or _plan_sft(fmt, choices)
    if fmt.type in TAKES.get(trainer, ()):
        return Mapping("keep", type=fmt.type, conversational=fmt.conversational, vision=fmt.vision)
    return None


def apply(mapping: Mapping, row: dict[str, Any]) -> Mapped:
    """Return a row after the mapping; a row that nothing can be learned from is dropped with the reason."""
    if not isinstance(row, dict):
        return Mapped(problem="the row is not a set of columns")
    if mapping.where and not row.get(mapping.where):
        return Mapped(problem="the answer is not labelled good")
    if mapping.kind == "keep":
        made: dict[str, Any] | str = row
    else:
        made = _MAKERS.get(mapping.kind, _select)(mapping, row)
    problem = made if isinstance(made, str) else _trouble(mapping, made)
    return Mapped(problem=problem) if problem else Mapped([made])  # type: ignore[list-item]


# --- what the columns are ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    type: str | None = None
    conversational: bool = False
    layout: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def _kinds(rows: list[dict[str, Any]], features: dict[str, Any]) -> dict[str, str]:
    """The kind of each column: the one most of its values have; from the features when no row has a value."""
    names = list(dict.fromkeys([str(name) for row in rows for name in row] + [str(name) for name in features]))
    kinds = {}
    for name in names:
        counts = Counter(kind for kind in (_kind(row.get(name)) for row in rows) if kind)
        kinds[name] = counts.most_common(1)[0][0] if counts else _feature_kind(features.get(name))
    return kinds


def _kind(value: Any) -> str:
    """The kind of one value; "" when the value tells nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, dict):
        if "role" in value and "content" in value:
            return "message"
        if "from" in value and "value" in value:
            return "sharegpt_message"
        return "image" if "bytes" in value or {"src", "height"} <= set(value) else "other"
    if isinstance(value, list | tuple):
        return _list_kind(value)
    return "other"


def _list_kind(values: list[Any] | tuple[Any, ...]) -> str:
    if not values:
        return ""
    if all(isinstance(each, dict) for each in values):
        if all(isinstance(each.get("role"), str) and ("content" in each or "tool_calls" in each) for each in values):
            return "parts" if any(isinstance(each.get("content"), list | tuple) for each in values) else "messages"
        if all(isinstance(each.get("from"), str) and "value" in each for each in values):
            return "sharegpt"
        return "image" if all(_kind(each) == "image" for each in values) else "other"
    if all(isinstance(each, str) for each in values):
        return "texts"
    if all(isinstance(each, bool) for each in values):
        return "bools"
    return "ids" if all(isinstance(each, int) and not isinstance(each, bool) for each in values) else "other"


def _feature_kind(feature: Any) -> str:
    if isinstance(feature, list) and feature:
        feature = {"_type": "List", "feature": feature[0]}
    if not isinstance(feature, dict):
        return "unknown"
    inner = feature.get("feature")
    if isinstance(inner, dict):
        if {"role", "content"} <= set(inner):
            return "messages"
        if {"from", "value"} <= set(inner):
            return "sharegpt"
        return {"text": "texts", "number": "ids", "bool": "bools"}.get(_feature_kind(inner), "other")
    if feature.get("_type") == "Image":
        return "image"
    dtype = str(feature.get("dtype", ""))
    kinds = {"string": "text", "large_string": "text", "bool": "bool"}
    return kinds.get(dtype, "number" if dtype.startswith(("int", "uint", "float")) else "unknown")


def _recognise(kinds: dict[str, str], rows: list[dict[str, Any]], vision: bool) -> _Found:
    for look in (_as_tokens, _as_steps, _as_preference, _as_completion, _as_chat, _as_text, _as_question):
        found = look(kinds, rows, vision)
        if found is not None:
            return found
    return _Found(problem="none of the columns is one that TRL knows")


def _as_tokens(kinds: dict[str, str], rows: list[dict[str, Any]], vision: bool) -> _Found | None:
    # TRL takes rows with this column for finished, whatever else they hold.
    if kinds.get("input_ids") == "ids":
        return _Found("pretokenized", layout="pretokenized", roles={"input_ids": "input_ids"})
    return None


def _as_steps(kinds: dict[str, str], rows: list[dict[str, Any]], vision: bool) -> _Found | None:
    if kinds.get("completions") == "texts" and kinds.get("labels") in ("bools", "ids") and "prompt" in kinds:
        return _Found("stepwise_supervision", layout="stepwise_supervision")
    return None


def _as_preference(kinds: dict[str, str], rows: list[dict[str, Any]], vision: bool) -> _Found | None:
    chosen, rejected, prompt = kinds.get("chosen"), kinds.get("rejected"), kinds.get("prompt")
    if chosen is None or rejected is None:
        return None
    roles = {name: name for name in ("prompt", "chosen", "rejected") if name in kinds}
    usable = chosen == rejected and chosen in ("text", "messages")
    if usable and prompt in (None, chosen):
        return _Found("preference", chosen == "messages", "preference", roles)
    if not (usable or {chosen, rejected} <= {*_CHATS, "message", "sharegpt_message"}):
        return None
    if usable and prompt is not None:
        problem = "the prompt is written differently from the two answers, so TRL cannot join them"
    else:
        problem = "the two answers are not written the way TRL reads them"
    return _Found(None, layout="preference", roles=roles, problem=problem)


def _as_completion(kinds: dict[str, str], rows: list[dict[str, Any]], vision: bool) -> _Found | None:
    prompt, completion = kinds.get("prompt"), kinds.get("completion")
    roles = {"prompt": "prompt", "completion": "completion"}
    chat = prompt == "messages"
    if prompt not in ("text", "messages") or completion not in ("text", "messages", "message"):
        return None
    if chat and (_strange_roles(rows, "prompt") or _strange_roles(rows, "completion")):
        return _Found(None, layout="pair", roles=roles, problem="the names of the speakers are not those TRL knows")
    if prompt != completion:
        return _Found(None, layout="pair", roles=roles, problem="prompt and completion are written in different ways")
    if kinds.get("label") == "bool" or (kinds.get("label") == "number" and _zero_or_one(rows)):
        return _Found("unpaired_preference", chat, "unpaired_preference", {**roles, "label": "label"})
    if RESERVED & set(kinds) - set(roles):
        return _Found(None, layout="pair_beside", roles=roles, problem="other columns stand in the way of the pair")
    return _Found("prompt_completion", chat, "pair", roles)


def _as_chat(kinds: dict[str, str], rows: list[dict[str, Any]], vision: bool) -> _Found | None:
    column = next((name for name in CHAT_COLUMNS if kinds.get(name) in _CHATS), None)
    if column is None and kinds.get("text") != "text":
        others = [
            name for name, kind in kinds.items() if kind in _CHATS and name not in ("prompt", "chosen", "rejected")
        ]
        column = others[0] if len(others) == 1 else None
    if column is None:
        return None
    kind, roles = kinds[column], _with_system({"messages": column}, kinds)
    if column == "messages" and kinds.get("label") in ("bool", "number") and _zero_or_one(rows):
        problem = "each conversation is labelled good or bad: training on all of them would teach the bad ones too"
        return _Found(None, layout="labelled", roles={**roles, "label": "label"}, problem=problem)
    strange = _strange_roles(rows, column)
    alone = not RESERVED & set(kinds) - {column}
    fine = not strange and alone and len(roles) == 1
    if fine and column == "messages" and (kind == "messages" or (kind == "parts" and vision)):
        return _Found("language_modeling", True, "messages", roles)
    if fine and column == "conversations" and kind == "sharegpt":
        return _Found("language_modeling", True, "sharegpt", roles)  # TRL renames these keys by itself
    if strange:
        problem = "the names of the speakers are not those TRL knows"
    elif kind == "parts":
        problem = "each message is a list of parts in place of a text"
    elif not alone:
        problem = "another column stands beside the conversation, and TRL would look at that one"
    else:
        problem = f"the conversation is in a column called {column[:40]}"
    layout = {"parts": "content_parts"}.get(kind, kind)
    return _Found(None, layout=layout, roles=roles, problem=problem)


def _as_text(kinds: dict[str, str], rows: list[dict[str, Any]], vision: bool) -> _Found | None:
    if kinds.get("text") != "text":
        return None
    if RESERVED & set(kinds):
        problem = "another column stands beside the text, and TRL would look at that one"
        return _Found(None, layout="text", roles={"text": "text"}, problem=problem)
    return _Found("language_modeling", False, "text", {"text": "text"})


def _as_question(kinds: dict[str, str], rows: list[dict[str, Any]], vision: bool) -> _Found | None:
    question = next((name for name in QUESTION_COLUMNS if kinds.get(name) in ("text", "messages")), None)
    # A table whose answers are numbers ("42") is read as numbers; they are answers all the same.
    answer = next((name for name in ANSWER_COLUMNS if kinds.get(name) in _WRITTEN and name != question), None)
    if answer is None and question == "problem" and kinds.get("solution") == "text":
        answer = "solution"
    chat = question is not None and kinds[question] == "messages"
    if question is not None and answer is not None and (not chat or question == "prompt"):
        roles = _with_system({"prompt": question, "completion": answer}, kinds)
        layout = "question_answer"
        if question == "instruction":
            layout = "alpaca"
            if kinds.get("input") in (*_WRITTEN, "unknown") and answer != "input":
                roles["input"] = "input"
        takes_prompt = question == "prompt"
        problem = "" if takes_prompt else "TRL does not know these column names"
        return _Found("prompt_only" if takes_prompt else None, chat, layout, roles, problem)
    if kinds.get("prompt") in ("text", "messages"):
        return _Found("prompt_only", kinds["prompt"] == "messages", "prompt_only", {"prompt": "prompt"})
    if question is not None and not chat:
        problem = "there are questions and no answers, and TRL wants the questions in a column called prompt"
        return _Found(None, layout="questions", roles={"prompt": question}, problem=problem)
    return None


def _with_system(roles: dict[str, str], kinds: dict[str, str]) -> dict[str, str]:
    column = next((name for name in SYSTEM_COLUMNS if kinds.get(name) == "text"), None)
    return {**roles, "system": column} if column else roles


def _strange_roles(rows: list[dict[str, Any]], column: str) -> bool:
    """Whether somebody speaks in that column whose name TRL's chat templates do not know."""
    for row in rows:
        for message in _message_list(row.get(column)):
            if message.get("role", message.get("from")) not in STANDARD_ROLES:
                return True
    return False


def _message_list(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        value = [value]
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list | tuple) else []


def _zero_or_one(rows: list[dict[str, Any]]) -> bool:
    labels = [row.get("label") for row in rows if row.get("label") is not None]
    return bool(labels) and all(isinstance(label, int | float) and label in (0, 1) for label in labels)


def _has_image(row: dict[str, Any]) -> bool:
    for value in row.values():
        for message in _message_list(value):
            content = message.get("content")
            for part in content if isinstance(content, list | tuple) else ():
                if isinstance(part, dict) and str(part.get("type", "")).startswith("image"):
                    return True
    return False


def _calls_tools(row: dict[str, Any]) -> bool:
    return any(message.get("tool_calls") for value in row.values() for message in _message_list(value))


# --- how they are made to fit -----------------------------------------------------------------------------------


def _plan_sft(fmt: DatasetFormat, choices: dict[str, str]) -> Mapping | None:
    roles, text = fmt.roles, choices.get("style") == "text"
    if fmt.type in TAKES["sft"]:
        return Mapping("keep", type=fmt.type, conversational=fmt.conversational, vision=fmt.vision)  # type: ignore[arg-type]
    if fmt.layout in ("messages", "sharegpt", "content_parts"):
        return _chat(roles, fmt)
    if fmt.layout == "text":
        return Mapping("select", (("text", roles["text"]),), "language_modeling")
    if fmt.layout == "pair_beside":
        return _selected_pair(fmt, "completion")
    if fmt.layout in ("alpaca", "question_answer", "pair"):
        chat = not text or fmt.columns.get(roles["prompt"]) != "text"
        return Mapping("pair", tuple(roles.items()), "prompt_completion", chat, fmt.vision)
    answer = choices.get("answer")
    if fmt.layout == "preference" and answer == "chosen":
        return _chosen(fmt)
    if fmt.layout == "unpaired_preference" and answer == "good":
        return Mapping(**{**_selected_pair(fmt, "completion").__dict__, "where": "label"})
    if fmt.layout == "labelled" and answer == "good":
        return Mapping(**{**_chat(roles, fmt).__dict__, "where": "label"})
    return None


def _by_hand(fmt: DatasetFormat, choices: dict[str, str]) -> Mapping | None:
    """The mapping a visitor named column by column, when those columns are there and of a usable kind."""
    named = {part: choices[part] for part in ("text", "messages", "prompt", "completion", "system") if part in choices}
    if any(column not in fmt.columns for column in named.values()):
        return None
    kinds = {part: fmt.columns[column] for part, column in named.items()}
    if kinds.get("messages") in _CHATS:
        return _chat({part: named[part] for part in ("messages", "system") if part in named}, fmt)
    if kinds.get("text") == "text":
        return Mapping("select", (("text", named["text"]),), "language_modeling")
    if kinds.get("prompt") in ("text", "messages") and kinds.get("completion") in ("text", "messages", "message"):
        chat = choices.get("style") != "text" or set(kinds.values()) != {"text"}
        return Mapping("pair", tuple(named.items()), "prompt_completion", chat, fmt.vision)
    return None


def _chat(roles: dict[str, str], fmt: DatasetFormat) -> Mapping:
    columns = {part: roles[part] for part in ("messages", "system") if part in roles}
    columns |= {name: name for name in EXTRAS if name in fmt.columns}
    return Mapping("chat", tuple(columns.items()), "language_modeling", True, fmt.vision)


def _selected_pair(fmt: DatasetFormat, answer: str) -> Mapping:
    chat = fmt.columns.get("prompt") == "messages"
    return Mapping("select", (("prompt", "prompt"), ("completion", answer)), "prompt_completion", chat, fmt.vision)


def _chosen(fmt: DatasetFormat) -> Mapping | None:
    chosen, prompt = fmt.columns["chosen"], fmt.columns.get("prompt")
    if fmt.type == "preference" and prompt is not None:
        return _selected_pair(fmt, "chosen")
    if fmt.type == "preference" and chosen == "text":
        return Mapping("select", (("text", "chosen"),), "language_modeling")
    if chosen in _CHATS:  # a whole conversation, whatever stands in the prompt column
        return _chat({"messages": "chosen"}, fmt)
    return None


def _select(mapping: Mapping, row: dict[str, Any]) -> dict[str, Any] | str:
    return {part: row.get(column) for part, column in mapping.columns}


def _make_chat(mapping: Mapping, row: dict[str, Any]) -> dict[str, Any] | str:
    columns = dict(mapping.columns)
    messages = _messages(row.get(columns.get("messages", "")), mapping.vision)
    if isinstance(messages, str):
        return messages
    messages = _system(columns, row, messages) + messages
    extras = {name: row[name] for name in EXTRAS if name in columns and row.get(name) is not None}
    return {"messages": messages, **extras}


def _make_pair(mapping: Mapping, row: dict[str, Any]) -> dict[str, Any] | str:
    columns = dict(mapping.columns)
    prompt, completion = row.get(columns.get("prompt", "")), _written(row.get(columns.get("completion", "")))
    extra = _written(row.get(columns["input"])) if "input" in columns else None
    if isinstance(prompt, str) and isinstance(extra, str) and extra.strip():
        prompt = f"{prompt}\n\n{extra}"
    if not mapping.conversational:
        if not isinstance(prompt, str) or not isinstance(completion, str):
            return "the question or the answer is not a text"
        system = row.get(columns.get("system", ""))
        before = f"{system}\n\n" if isinstance(system, str) and system.strip() else ""
        return (
            {"prompt": f"{before}{prompt}\n\n", "completion": completion} if prompt.strip() else "the question is empty"
        )
    asked = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else _messages(prompt, mapping.vision)
    told = (
        [{"role": "assistant", "content": completion}]
        if isinstance(completion, str)
        else _messages(completion, mapping.vision)
    )
    if isinstance(asked, str):
        return "the question is empty"
    if isinstance(told, str):
        return "the answer is empty"
    extras = {name: row[name] for name in EXTRAS if row.get(name) is not None}
    return {"prompt": _system(columns, row, asked) + asked, "completion": told, **extras}


_MAKERS = {"select": _select, "chat": _make_chat, "pair": _make_pair}


def _written(value: Any) -> Any:
    """A number as the text it was in the table; everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    # A column with a gap is read as floats: 42.0 was written 42.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _system(columns: dict[str, str], row: dict[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    text = row.get(columns.get("system", ""))
    first = messages[0].get("role") if messages else ""
    return [{"role": "system", "content": text}] if isinstance(text, str) and text.strip() and first != "system" else []


def _messages(value: Any, vision: bool) -> list[dict[str, Any]] | str:
    """A conversation in TRL's words, or why it is none."""
    if not _message_list(value):
        return "the conversation is empty"
    made = []
    for message in _message_list(value):
        name = message.get("role", message.get("from"))
        role = ROLES.get(name.strip().lower()) if isinstance(name, str) else None
        if role is None:
            return f"nobody knows who {str(name)[:40]!r} is"
        content = _content(message.get("content", message.get("value")), vision)
        if content is None:
            return "a message is not a text"
        kept = {key: message[key] for key in ("tool_calls", "name", "tool_call_id") if message.get(key)}
        made.append({"role": role, "content": content, **kept})
    return made


def _content(value: Any, vision: bool) -> str | list[dict[str, Any]] | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.replace("<image>", "").strip() if vision and "<image>" in value else value
    if not isinstance(value, list | tuple):
        return None
    parts = [each for each in value if isinstance(each, dict)]
    if vision and any(str(part.get("type", "")).startswith("image") for part in parts):
        return [part if part.get("type") != "text" else {"type": "text", "text": _part_text(part)} for part in parts]
    return "".join(_part_text(part) for part in parts)


def _part_text(part: dict[str, Any]) -> str:
    found = part.get("text") if isinstance(part.get("text"), str) else part.get("value")
    return found if isinstance(found, str) else ""


# --- what a finished row must be --------------------------------------------------------------------------------


def _trouble(mapping: Mapping, row: dict[str, Any]) -> str | None:
    """Why nothing can be learned from a finished row, or None."""
    if mapping.type == "pretokenized":
        return None if _kind(row.get("input_ids")) == "ids" else "there are no token ids"
    if mapping.type == "stepwise_supervision":
        return None if _kind(row.get("completions")) == "texts" else "there are no steps"
    if mapping.type == "language_modeling" and mapping.conversational:
        return _chat_trouble(row.get("messages", row.get("conversations")), mapping.vision)
    if mapping.type == "language_modeling":
        return _text_trouble(row.get("text"), "text")
    parts = {"preference": ("prompt", "chosen", "rejected"), "prompt_only": ("prompt",)}
    for part in parts.get(mapping.type, ("prompt", "completion")):
        if part == "prompt" and mapping.type == "preference" and part not in row:
            continue
        word = {"prompt": "question", "completion": "answer"}.get(part, part + " answer")
        problem = _part_trouble(row.get(part), word, mapping, is_prompt=part == "prompt")
        if problem:
            return problem
    if mapping.type == "unpaired_preference" and row.get("label") not in (True, False):
        return "the label is neither true nor false"
    return None


def _part_trouble(value: Any, word: str, mapping: Mapping, is_prompt: bool) -> str | None:
    if not mapping.conversational:
        return _text_trouble(value, word)
    if not _good_messages(value, mapping.vision):
        return f"the {word} is not a list of messages"
    if is_prompt:
        return "the question ends without anybody asking" if value[-1]["role"] in ("system", "developer") else None
    return None if _answers(value) else f"the {word} is empty"


def _text_trouble(value: Any, word: str) -> str | None:
    if not isinstance(value, str):
        return f"there is no {word}"
    return None if value.strip() else f"the {word} is empty"


def _chat_trouble(value: Any, vision: bool) -> str | None:
    messages = _messages(value, vision)
    if isinstance(messages, str):
        return messages
    if not _good_messages(value, vision) and _kind(value) != "sharegpt":
        return "a message is not a text"
    return None if _answers(messages) else "there is no answer to learn from"


def _good_messages(value: Any, vision: bool) -> bool:
    """Whether a chat template can write this: a list of messages with known roles and text."""
    if not isinstance(value, list | tuple) or not value:
        return False
    for message in value:
        if not isinstance(message, dict) or message.get("role") not in STANDARD_ROLES:
            return False
        content = message.get("content")
        plain = isinstance(content, str) or (content is None and bool(message.get("tool_calls")))
        if not plain and not (vision and isinstance(content, list | tuple)):
            return False
    return True


def _answers(messages: list[dict[str, Any]]) -> bool:
    for message in messages:
        content = message.get("content")
        said = bool(content.strip()) if isinstance(content, str) else bool(content)
        if message.get("role") == "assistant" and (said or message.get("tool_calls")):
            return True
    return False
