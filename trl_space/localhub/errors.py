"""Errors of the local Hub, answered the way the Hub answers them.

Raise `HubError` anywhere in a handler; `app.py` turns it into a response that carries `X-Error-Code`,
`X-Error-Message` and `X-Request-Id`, because the official client reads its exceptions from those headers
(`huggingface_hub.utils._http.hf_raise_for_status`).
"""

from __future__ import annotations

import secrets

from starlette.responses import JSONResponse, PlainTextResponse, Response


class HubError(Exception):
    """An answer that is not a success.

    Args:
        status: HTTP status.
        message: text for people; sent as `X-Error-Message` and as `{"error": message}`.
        code: the Hub's `X-Error-Code` ("RepoNotFound", "GatedRepo", "RevisionNotFound", "EntryNotFound").
        headers: further headers, e.g. `Retry-After` or `X-Repo-Commit`.
        plain: answer with text instead of JSON, as `/resolve` does.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: dict[str, str] | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}
        self.plain = plain

    def response(self) -> Response:
        """This error as the Hub would send it."""
        headers = {"X-Request-Id": f"Root=1-{secrets.token_hex(12)}", **self.headers}
        # Header values must be latin-1 and one line; the body carries the exact text.
        headers["X-Error-Message"] = self.message.encode("latin-1", "replace").decode("latin-1").replace("\n", " ")
        if self.code:
            headers["X-Error-Code"] = self.code
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="Authentication required", charset="UTF-8"'
        if self.plain:
            return PlainTextResponse(self.message, self.status, headers=headers)
        return JSONResponse({"error": self.message}, self.status, headers=headers)


def repo_not_found(signed_in: bool) -> HubError:
    """A repository that does not exist or that the caller may not see: the Hub never tells which.

    The real Hub answers anonymous callers 401 without a code and relies on an `https://` address to be
    understood; over plain http the client needs the code, so it is always sent.
    """
    if signed_in:
        return HubError(404, "Repository not found", "RepoNotFound")
    return HubError(401, "Invalid username or password.", "RepoNotFound")
