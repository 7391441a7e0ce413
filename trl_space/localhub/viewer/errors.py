"""Errors of the dataset viewer: `{"error": ...}` with an `X-Error-Code`, as the real service answers them.

Wording and codes: the published examples of the viewer's OpenAPI document, one constructor for each.
"""

from __future__ import annotations

import traceback

from starlette.responses import JSONResponse, Response

from ..errors import HubError

COMMON_HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"}
_NO_ACCESS = (
    "The dataset does not exist, or is not accessible without authentication (private or gated). "
    "Please check the spelling of the dataset name or retry with authentication."
)


class ViewerError(HubError):
    """An error of the viewer; `cause` is told in the body when the data itself is at fault."""

    def __init__(self, status: int, message: str, code: str, cause: BaseException | None = None) -> None:
        super().__init__(status, message, code)
        self.cause = cause

    def response(self) -> Response:
        """This error as the viewer would send it."""
        body: dict[str, object] = {"error": self.message}
        if self.cause is not None:
            body["cause_exception"] = type(self.cause).__name__
            body["cause_message"] = str(self.cause)
            # Without the frames: their paths are this computer's.
            body["cause_traceback"] = traceback.format_exception_only(self.cause)
        return JSONResponse(body, self.status, headers={**COMMON_HEADERS, "X-Error-Code": str(self.code)})


def no_access(signed_in: bool) -> ViewerError:
    """No such dataset, or none for this caller: the viewer never tells which."""
    if signed_in:
        return ViewerError(404, _NO_ACCESS, "ExternalAuthenticatedError")
    return ViewerError(401, _NO_ACCESS, "ExternalUnauthenticatedError")


def not_found() -> ViewerError:
    """A subset or split that is not there."""
    return ViewerError(404, "Not found.", "ResponseNotFound")


def required(*names: str) -> ViewerError:
    """Parameters that must be given."""
    if len(names) == 1:
        return ViewerError(422, f"Parameter '{names[0]}' is required", "MissingRequiredParameter")
    listed = ", ".join(f"'{name}'" for name in names[:-1]) + f" and '{names[-1]}'"
    return ViewerError(422, f"Parameters {listed} are required", "MissingRequiredParameter")


def invalid(name: str, what: str) -> ViewerError:
    """A parameter with a value that cannot be."""
    return ViewerError(422, f"Parameter '{name}' must {what}", "InvalidParameter")


def private_unsupported() -> ViewerError:
    """A private dataset whose owner's plan does not include the viewer."""
    text = "The dataset viewer is available for private datasets of PRO users and of Team or Enterprise organizations."
    return ViewerError(501, text, "NotSupportedPrivateRepositoryError")


def disabled() -> ViewerError:
    """`viewer: false` in the README."""
    return ViewerError(501, "The dataset viewer is disabled for this dataset.", "NotSupportedDisabledViewerError")


def empty(cause: BaseException | None = None) -> ViewerError:
    """No file that could be read as data."""
    return ViewerError(500, "The dataset is empty.", "EmptyDatasetError", cause)


def script() -> ViewerError:
    """A dataset that is a program."""
    text = "The dataset viewer doesn't support this dataset because it runs arbitrary Python code."
    return ViewerError(501, text, "DatasetWithScriptNotSupportedError")


def bad_layout(cause: BaseException) -> ViewerError:
    """A README whose `configs` cannot be followed."""
    return ViewerError(500, "Cannot get the config names for the dataset.", "ConfigNamesError", cause)


def bad_rows(cause: BaseException) -> ViewerError:
    """Files that cannot be read as what they claim to be."""
    text = "Cannot load the dataset split (in streaming mode) to extract the first rows."
    return ViewerError(500, text, "StreamingRowsError", cause)


def too_big(what: str) -> ViewerError:
    """More than this viewer reads."""
    return ViewerError(501, f"{what} is too big to be shown.", "TooBigContentError")


def unsupported(what: str) -> ViewerError:
    """Something the real viewer has and this one has not."""
    return ViewerError(501, f"The local Hub's dataset viewer does not give {what}.", "NotImplementedError")


def unexpected() -> ViewerError:
    """A fault of the viewer's own, or data that breaks while it is read."""
    return ViewerError(500, "Unexpected error.", "UnexpectedError")
