"""Holds answers of the local Hub against the real Hub's OpenAPI documents.

    validate(reference_data, "GET", "/api/whoami-v2", answer.status_code, answer.json())

`path` may be the document's template or an address: `/api/models/ada/tiny` finds `/api/models/{namespace}/{repo}`.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema

DOCUMENTS = {"hub": "hub_openapi.json", "viewer": "dataset_viewer_openapi.json"}


@functools.cache
def document(folder: Path, which: str = "hub") -> dict[str, Any]:
    """An OpenAPI document of the reference data: "hub" or "viewer"."""
    return json.loads((folder / "hub_api" / DOCUMENTS[which]).read_text())


def operation(folder: Path, method: str, path: str, which: str = "hub") -> dict[str, Any]:
    """The part about one method of one path; AssertionError when the document has none."""
    paths = document(folder, which)["paths"]
    path = path.partition("?")[0]
    if path in paths and method.lower() in paths[path]:
        return paths[path][method.lower()]
    fitting = [
        known for known, methods in paths.items() if method.lower() in methods and _pattern(known).fullmatch(path)
    ]
    assert fitting, f"the {which} document has no {method} {path}"
    # The more literal text a template has, the more precisely it says what is meant.
    return paths[max(fitting, key=lambda known: len(re.sub(r"\{.*?\}", "", known)))][method.lower()]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]*\})", template)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))


def schema_of(folder: Path, method: str, path: str, status: int, which: str = "hub") -> dict[str, Any] | None:
    """The schema of a JSON answer, or None when the document names the status without one."""
    responses = operation(folder, method, path, which)["responses"]
    answer = responses.get(str(status)) or responses.get(f"{str(status)[0]}XX") or responses.get("default")
    assert answer is not None, f"{method} {path} has no answer {status}, only {sorted(responses)}"
    content = answer.get("content", {})
    for kind, value in content.items():
        if "json" in kind:
            return value.get("schema")
    return None


def validate(folder: Path, method: str, path: str, status: int, body: Any, which: str = "hub") -> None:
    """Check a JSON answer; AssertionError says where it is not as the document says."""
    schema = schema_of(folder, method, path, status, which)
    assert schema is not None, f"{method} {path} {status} has no JSON schema"
    whole = document(folder, which)
    validator = jsonschema.Draft202012Validator(
        {**schema, "components": whole.get("components", {})},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    problems = [f"{error.json_path}: {error.message[:300]}" for error in _leaves(validator.iter_errors(body))]
    assert not problems, f"{method} {path} {status} is not as the {which} document says:\n" + "\n".join(problems[:20])


def _leaves(errors: Any) -> Any:
    """The innermost reasons: of alternatives, those of the one that fits best."""
    for error in errors:
        if error.context:
            by_choice: dict[int, list[Any]] = {}
            for inner in error.context:
                by_choice.setdefault(inner.schema_path[0], []).append(inner)
            yield from _leaves(min(by_choice.values(), key=len))
        else:
            yield error
