"""Where the model of a completed run is, looked at with one request: for lists.

    saved("ada/poems-sft-1f0c9a", since, token)    # "https://huggingface.co/ada/poems-sft-1f0c9a", or ""

This is less than `result.verify`, which reads the weights: it says that there is a model with weights that changed
after the run began, not that the run made it whole.
"""

from __future__ import annotations

from .client import get_json
from .config import endpoint, repo_path
from .errors import HubProblem
from .ids import moment
from .ids import repo as checked_repo

WEIGHTS = (".safetensors", ".bin")


def saved(repo: str, since: float, token: str | None) -> str:
    """The address of the model `repo` when it has weights and changed after `since` (seconds since 1970), else "".

    Raises:
        HubProblem: it could not be looked at just now.
    """
    try:
        checked_repo(repo)
        params = [("expand", "lastModified"), ("expand", "siblings")]
        info = get_json(f"/api/models/{repo_path(repo)}", token, params, about=f"the model {repo}")
    except HubProblem as problem:
        if problem.kind in ("not_found", "invalid", "gated", "forbidden"):
            return ""
        raise
    if not isinstance(info, dict):
        raise HubProblem("bad_answer", f"the model {repo}")
    changed = moment(info.get("lastModified"))
    files = [one.get("rfilename") for one in info.get("siblings") or () if isinstance(one, dict)]
    weights = any(isinstance(name, str) and name.endswith(WEIGHTS) for name in files)
    return f"{endpoint()}/{repo}" if weights and changed and changed.timestamp() >= since else ""
