"""Names of repositories, jobs and accounts, checked before they become part of an address.

Links, forms and logs are untrusted: a name that is not one raises `HubProblem` "invalid" here and never
reaches the network.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from .config import endpoint
from .errors import HubProblem

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REPO = re.compile(rf"^(?:{_NAME}/)?{_NAME}$")
_JOB = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_REVISION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$")


def is_repo(text: str) -> bool:
    """Whether `text` can be a repository's id: `owner/name`, or one of the old single names."""
    return bool(_REPO.match(text)) and ".." not in text and "--" not in text and not text.endswith(".git")


def repo(text: str, what: str = "model") -> str:
    """`text` if it can be a repository's id; raises `HubProblem` "invalid"."""
    if not isinstance(text, str) or not is_repo(text):
        raise HubProblem(
            "invalid",
            sentence=f"This is not a {what} name. A name looks like owner/name, as in Qwen/Qwen3-0.6B.",
        )
    return text


def revision(text: str) -> str:
    """`text` if it can be a revision (branch, tag or commit); raises `HubProblem` "invalid"."""
    if not isinstance(text, str) or not _REVISION.match(text) or ".." in text:
        raise HubProblem("invalid", sentence="This is not a revision. Give a branch, a tag or a commit.")
    return text


def job(owner: str, job_id: str) -> tuple[str, str]:
    """Owner and id of a job if they can be that; raises `HubProblem` "invalid"."""
    good = isinstance(owner, str) and isinstance(job_id, str)
    if not good or not re.fullmatch(_NAME, owner) or not _JOB.match(job_id):
        raise HubProblem("invalid", sentence="This is not the address of a run. Check the link.")
    return owner, job_id


def typed(text: str) -> str:
    """What a person typed or pasted, without the Hub's address around it.

    `https://huggingface.co/datasets/ada/poems/tree/main` gives `ada/poems`; anything else comes back trimmed.
    """
    text = " ".join(text.split())[:200]
    for prefix in (endpoint(), "https://huggingface.co", "huggingface.co", "https://hf.co", "hf.co"):
        if text.startswith(prefix + "/"):
            parts = [part for part in text[len(prefix) :].split("?")[0].split("#")[0].split("/") if part]
            if parts and parts[0] in ("datasets", "models"):
                parts = parts[1:]
            return "/".join(parts[:2])
    return text


def moment(value: Any) -> datetime | None:
    """A time as the Hub writes it (`2026-11-23T14:05:06.789Z`), in UTC; None when it is not one."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def whole(value: Any) -> int | None:
    """A whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
