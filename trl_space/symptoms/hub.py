"""What the Hub answers, and what stands between a job and the Hub."""

from __future__ import annotations

from trl_space.symptoms.cause import LIKELY, SURE, USUAL, Cause

CAUSES = (
    Cause(
        "rate_limited",
        "network",
        ("continue", "again"),
        SURE,
        error=r"\b429 (?:Client Error|Too Many)|'429 Too Many|hit the quota of \d+ \w+ requests"
        r"|had to rate limit you",
        inside=r"Too Many Requests|[Rr]ate limit(?:ed)? (?:exceeded|reached|hit)|HTTP status (?:code )?429",
    ),
    Cause(
        "gated",
        "gated",
        ("licence", "sign_in"),
        SURE,
        error=r"GatedRepoError|Cannot access gated repo|trying to access a gated repo",
        inside=r"gated repo\b|gated dataset|is a gated|not in the authorized list|awaiting a review from the repo"
        r"|Access to (?:model|dataset) .{1,200} is restricted|must be authenticated to access it"
        r"|have access to it at https://huggingface",
    ),
    Cause(
        "payment",
        "other",
        ("billing",),
        SURE,
        error=r"\b402 (?:Client Error|Payment)|'402 Payment|Payment Required|[Pp]re-?paid credits"
        r"|exceeded your monthly",
    ),
    Cause(
        "storage",
        "push_failed",
        ("storage",),
        SURE,
        error=r"storage (?:limit|quota) (?:reached|exceeded)|[Pp]rivate (?:repository )?storage limit"
        r"|storage patterns tripped|unlock more storage|exceeded .{0,40}storage",
    ),
    Cause(
        "push_failed",
        "push_failed",
        ("continue", "other_name", "sign_in"),
        USUAL,
        error=r"rights? to create a (?:model|dataset)|Invalid metadata in README",
        inside=r"/api/repos/create|/preupload/|/commit/|info/lfs/objects/batch|Error while uploading|git push"
        r"|failed to push some refs|[Uu]pload (?:failed|error)|/api/repos/\w+/.{1,120}/lfs-multipart"
        r"|is set aside for another run",
    ),
    Cause(
        "no_token",
        "token",
        ("sign_in",),
        USUAL,
        error=r"LocalTokenNotFoundError|Token is required|OfflineModeIsEnabled|must be logged in"
        r"|need to be logged in",
        inside=r"need to be authenticated|no token (?:was )?found|You are not authenticated|Please log in to",
    ),
    Cause(
        "bad_token",
        "token",
        ("sign_in",),
        SURE,
        error=r"Invalid credentials in Authorization|Invalid user token|token .{0,60}(?:has )?expired|is expired"
        r"|OAuth token.{0,40}(?:expired|revoked)",
        inside=r"Token .{0,40}is invalid",
    ),
    Cause(
        "not_found",
        "not_found",
        ("name_anew",),
        USUAL,
        error=r"RepositoryNotFoundError|RevisionNotFoundError|DatasetNotFoundError|RemoteEntryNotFoundError"
        r"|is not a valid model identifier|doesn't exist on the Hub|does not appear to have a file named"
        r"|DataFilesNotFoundError|(?:^|[^A-Za-z])EntryNotFoundError",
        inside=r"Repository Not Found|Revision Not Found|Entry Not Found|not a valid git identifier|Invalid rev id"
        r"|have a file named|\b404 (?:Client Error|Not Found)|HFValidationError|Repo id must"
        r"|no checkpoint to continue"
        r"|Couldn't find (?:any data|a dataset|file)|is not a valid JSON file or|Can't load the (?:model|tokenizer"
        r"|config)"
        r"|Unrecognized model in|Error no file named",
    ),
    Cause(
        "part_missing",
        "not_found",
        ("other_part",),
        USUAL,
        error=r"Unknown split|BuilderConfig .{1,200} not found|Config name is missing|Bad split:|Requested split",
    ),
    Cause(
        "token",
        "token",
        ("sign_in",),
        LIKELY,
        inside=r"\b40[13] (?:Client Error|Unauthorized|Forbidden)|'40[13] (?:Unauthorized|Forbidden)"
        r"|required permissions|Invalid username or password|fine-grained token|insufficient (?:scope|permission)",
    ),
    Cause(
        "generator",
        "network",
        ("again",),
        SURE,
        error=r"vLLM server can't be reached|vLLM server .{0,60}(?:failed|not (?:running|ready))",
    ),
    Cause(
        "hub_fault",
        "network",
        ("continue", "again"),
        USUAL,
        inside=r"\b5\d\d (?:Server Error|Bad Gateway|Service|Internal|Gateway)|'5\d\d [A-Z]|Internal Server Error"
        r"|Service (?:Temporarily )?Unavailable|Bad Gateway|Gateway Time-?out|HTTP status server error",
    ),
    Cause(
        "network",
        "network",
        ("continue", "again"),
        USUAL,
        alone=r"^error: Request failed after \d+ retries|^error: Failed to fetch|^ *. Failed to fetch",
        inside=r"Connect(?:ion)?Error|ConnectTimeout|ReadTimeout|ReadError|Max retries exceeded|ame resolution"
        r"|RemoteDisconnected|RemoteProtocolError|LocalEntryNotFoundError|[Cc]ouldn't (?:connect to|reach)"
        r"|IncompleteRead|ProtocolError|SSLError|SSLEOFError|CERTIFICATE_VERIFY|Network is unreachable"
        r"|No route to host"
        r"|ClientConnectorError|ServerDisconnectedError|IncompleteSnapshotError|XetDownloadError|FileMetadataError"
        r"|dns error|error sending request|operation timed out|Consistency check failed",
    ),
)
