"""Count the tokens of rows as TRL would see them. Runs as a process of its own.

    (request as one line of JSON; tokenizer.json) | python -I count_tokens.py > answer.json

Request: `{"rows": [...], "template": text or null, "special": {"eos_token": "</s>", ...}}`, where the rows are mapped
rows (`messages`; `prompt` with `completion` or `chosen` and `rejected`; `text`; `input_ids`). What follows its line is
the model's tokenizer.json.
Answer: `{"counts": [...], "dropped": ["system"], "failed": n, "empty": n, "why": text or null}` or
`{"error": {"kind", "message"}}`. `trl_space/hub/tokens.py` starts it.

A tokenizer and a chat template come from strangers, and both are programs: the one holds regular expressions, the
other loops. The template runs in jinja's sandbox, and the process limits itself (memory, processor time) and then
forbids itself files, connections and programs for good.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from datetime import datetime

MEMORY = 2 * 2**30  # address space; a tokenizer of 300,000 tokens takes 0.3
CPU_SECONDS = 20
# Texts longer than this are counted by their beginning.
LONGEST_TEXT = 200_000
# The words of a message that are looked for in what the template made of it.
LOOKED_FOR = 60
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def limit_process() -> None:
    """Set the limits that this system knows."""
    try:
        import resource
    except ImportError:  # Windows has none
        return
    for name, value in (
        ("RLIMIT_AS", MEMORY),
        ("RLIMIT_CPU", CPU_SECONDS),
        ("RLIMIT_FSIZE", 2**24),
        ("RLIMIT_CORE", 0),
    ):
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            continue  # macOS refuses some of them; the time limit of the parent holds everywhere


def lock() -> None:
    """Forbid, for the rest of this process, everything but computing; Python's own files may still be imported."""
    readable = [os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))]
    single = {"/etc/localtime", os.devnull, "/dev/urandom"}
    forbidden = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.", "ctypes.")
    changes = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink")

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "open" and not isinstance(args[0], int):
            path = os.path.realpath(os.fsdecode(args[0]))  # type: ignore[arg-type]
            inside = any(path.startswith(folder + os.sep) for folder in readable)
            writes = isinstance(args[2], int) and args[2] & WRITING
            if path not in single and (writes or not inside):
                raise PermissionError("a chat template may not open files")
        elif event.startswith(forbidden):
            raise PermissionError("a chat template may only write text")
        elif event in changes:
            raise PermissionError("a chat template may not change files")

    sys.addaudithook(hook)


class Refused(Exception):
    """The chat template does not take a row; the text says why."""


class Template:
    """A chat template, rendered as transformers does, in jinja's sandbox. `None` renders nothing."""

    def __init__(self, source: str | None, special: dict) -> None:
        self.special = special
        self.template = self._compile(source) if source else None

    @staticmethod
    def _compile(source: str):
        from jinja2 import nodes
        from jinja2.exceptions import TemplateError
        from jinja2.ext import Extension, loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        class Generation(Extension):
            """`{% generation %}` marks what the assistant wrote; here it only has to be understood."""

            tags = {"generation"}  # noqa: RUF012  as jinja's own extensions have it

            def parse(self, parser):
                line = next(parser.stream).lineno
                return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True)).set_lineno(line)

        def raise_exception(message: object) -> None:
            raise TemplateError(str(message))

        def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
            return json.dumps(
                value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
            )

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
        )
        environment.filters["tojson"] = tojson
        environment.globals["raise_exception"] = raise_exception
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        return environment.from_string(source)

    def __call__(self, messages: list, more: dict, prompt: bool) -> str:
        """The conversation as text. Raises Refused."""
        if self.template is None:
            raise Refused("there is no chat template")
        tools = more.get("tools")
        if isinstance(tools, str):
            tools = json.loads(tools)
        given = more.get("chat_template_kwargs")
        values = {**self.special, **(given if isinstance(given, dict) else {})}
        try:
            return self.template.render(
                **{**values, "messages": messages, "tools": tools or None, "documents": None},
                add_generation_prompt=prompt,
            )
        except MemoryError:
            raise
        except Exception as exc:  # whatever a stranger's template does wrong
            raise Refused(str(exc)[:300] or type(exc).__name__) from None


def messages_of(value: object) -> list:
    """A list of messages, with ShareGPT's keys renamed as TRL does."""
    found = []
    for message in [value] if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(message, dict):
            if "role" not in message and "from" in message:
                message = {"role": message["from"], "content": message.get("value")}
            found.append({name: each for name, each in message.items() if each is not None})
    return found


def is_chat(value: object) -> bool:
    """Whether a part of a row is a conversation."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def conversations_of(row: dict) -> list[tuple[list, bool]]:
    """The conversations of a row, of which the longest counts: (messages, whether the model writes on)."""
    for name in ("messages", "conversations"):
        if is_chat(row.get(name)):
            return [(messages_of(row[name]), False)]
    answers = [name for name in ("chosen", "rejected", "completion") if is_chat(row.get(name))]
    asked = messages_of(row.get("prompt"))
    if answers:
        return [(asked + messages_of(row[name]), False) for name in answers]
    return [(asked, asked[-1].get("role") != "assistant")] if asked else []


def texts_of(row: dict, eos: str) -> list[str]:
    """The plain texts of a row, of which the longest counts, ended as TRL ends them."""
    answers = [row[name] for name in ("chosen", "rejected", "completion", "text") if isinstance(row.get(name), str)]
    asked = row["prompt"] if isinstance(row.get("prompt"), str) else ""
    if not answers:
        return [asked] if asked else []
    return [asked + answer + ("" if answer.endswith(eos) else eos) for answer in answers]


def with_pictures(messages: list) -> list:
    """Messages whose texts are parts, as TRL hands them to models that read pictures."""
    made = []
    for message in messages:
        content = message.get("content")
        made.append(
            {**message, "content": [{"type": "text", "text": content}]} if isinstance(content, str) else message
        )
    return made


def said(message: dict) -> str:
    """What a message says, as text."""
    content = message.get("content")
    if isinstance(content, list):
        content = " ".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content.strip() if isinstance(content, str) else ""


def appears(text: str, rendered: str) -> bool:
    """Whether the beginning or the end of a text is there; templates may cut thoughts out of the middle."""
    for piece in (text[:LOOKED_FOR].strip(), text[-LOOKED_FOR:].strip()):
        if piece in rendered or json.dumps(piece, ensure_ascii=False)[1:-1] in rendered:
            return True
    return False


def count(asked: dict, tokenizer) -> dict:
    """The answer to a request."""
    special = {str(name): text for name, text in asked["special"].items() if isinstance(text, str)}
    try:
        template: Template | None = Template(asked["template"], special)
        broken = ""
    except Exception as exc:
        template, broken = None, str(exc)[:300] or type(exc).__name__
    counts: list[int] = []
    told, dropped, why = Counter(), Counter(), None
    failed = empty = 0
    for row in asked["rows"]:
        if isinstance(row.get("input_ids"), list):
            counts.append(len(row["input_ids"]))
            continue
        conversations, sizes = conversations_of(row), []
        try:
            if conversations and template is None:
                raise Refused(broken)
            for messages, prompt in conversations:
                pictures = row.get("image") is not None or row.get("images") is not None
                rendered = template(with_pictures(messages) if pictures else messages, row, prompt)
                for message in messages:
                    words = said(message)
                    if words:
                        told[str(message.get("role"))] += 1
                        dropped[str(message.get("role"))] += not appears(words, rendered)
                sizes.append(tokens(tokenizer, rendered, False))
        except Refused as refused:
            failed, why = failed + 1, why or str(refused)
            continue
        if not conversations:
            sizes = [tokens(tokenizer, text, True) for text in texts_of(row, special.get("eos_token") or "")]
        empty += bool(conversations) and max(sizes, default=0) == 0
        counts.append(max(sizes, default=0))
    gone = [role for role, times in told.items() if dropped[role] * 2 > times]
    return {"counts": counts, "dropped": gone, "failed": failed, "empty": empty, "why": why}


def tokens(tokenizer, text: str, special: bool) -> int:
    """How many tokens a text is; a very long one is judged by its beginning."""
    text = text.encode("utf-8", "replace").decode()  # half of a pair of surrogates is no text
    if len(text) > LONGEST_TEXT:
        return tokens(tokenizer, text[:LONGEST_TEXT], special) * len(text) // LONGEST_TEXT
    return len(tokenizer.encode(text, add_special_tokens=special).ids)


def main() -> int:
    """Read the request, answer it."""
    asked = json.loads(sys.stdin.buffer.readline())
    source = sys.stdin.buffer.read()
    limit_process()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is not the answer
    try:
        import jinja2.ext
        import jinja2.sandbox  # noqa: F401  before the lock
        from tokenizers import Tokenizer

        lock()
        tokenizer = Tokenizer.from_buffer(source)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        answer = count(asked, tokenizer)
    except BaseException as exc:
        answer = {"error": {"kind": type(exc).__name__, "message": str(exc)[:300]}}
    json.dump(answer, out)
    out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
