"""What the lines of a failing training say: a table of patterns, each with the kind of failure it means.

The kinds are those of `run_state.Diagnosis`. Patterns in `ANYWHERE` mean a failure wherever they stand; those in
`IN_ERROR` only inside an error message, because the same words are harmless elsewhere. Of several patterns that
match a line, the first in the table counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

KINDS = (
    "oom",
    "gated",
    "token",
    "not_found",
    "dataset_format",
    "chat_template",
    "disk_full",
    "timeout",
    "killed",
    "import_error",
    "bad_argument",
    "no_reward",
    "vocabulary",
    "push_failed",
    "diverged",
    "network",
    "other",
)

# What goes badly while a run goes on: the metric that has to be there, and whether its numbers show it. TRL trains on
# without a word in all three; nothing is learned from answers that all get the same score.
HINTS: dict[str, tuple[str, Callable[[Mapping[str, float]], bool]]] = {
    "reward_zero": ("reward", lambda m: m["reward"] == 0 and not m.get("reward_std")),
    "reward_same": ("frac_reward_zero_std", lambda m: m["frac_reward_zero_std"] >= 1 and bool(m.get("reward"))),
    "answers_cut": ("completions/clipped_ratio", lambda m: m["completions/clipped_ratio"] >= 1),
}


def _table(*rows: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(pattern)) for kind, pattern in rows)


ANYWHERE = _table(
    (
        "oom",
        r"CUDA out of memory|CUDA error: out of memory|HIP out of memory|MPS backend out of memory"
        r"|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED|DefaultCPUAllocator: (?:can't allocate|not enough) memory",
    ),
    ("disk_full", r"No space left on device|\(os error 28\)|\[Errno 28\]|Disk quota exceeded"),
    ("timeout", r"^Job timeout\b|DUE TO TIME LIMIT"),
    (
        "killed",
        r"^(?:\S+: line \d+: .*)?Killed\b|got signal: (?:9|15)\b|exitcode\s*: -(?:9|15)\b|died with <Signals.SIG",
    ),
    (
        "import_error",
        r"No solution found when resolving|^(?:error|ERROR): (?:Failed to build|Could not find a version)",
    ),
    ("network", r"^error: Request failed after \d+ retries|^error: Failed to fetch"),
    (
        "bad_argument",
        r"\berror: (?:argument --|unrecognized arguments|the following arguments are required|ambiguous option)",
    ),
)

IN_ERROR = _table(
    (
        "gated",
        r"GatedRepoError|gated repo\b|gated dataset|not in the authorized list|awaiting a review from the repo"
        r"|Access to (?:model|dataset) .{1,200} is restricted",
    ),
    (
        "push_failed",
        r"/api/repos/create|rights? to create a model|/preupload/|/commit/|info/lfs/objects/batch"
        r"|Error while uploading",
    ),
    (
        "not_found",
        r"RepositoryNotFoundError|RevisionNotFoundError|DatasetNotFoundError|RemoteEntryNotFoundError"
        r"|Repository Not Found|is not a valid model identifier|doesn't exist on the Hub|not a valid git identifier"
        r"|Unknown split|BuilderConfig .{1,200} not found|404 (?:Client Error|Not Found)|have a file named",
    ),
    (
        "token",
        r"401 (?:Client Error|Unauthorized)|Invalid credentials in Authorization|Invalid user token"
        r"|LocalTokenNotFoundError|Token is required|Invalid username or password|required permissions"
        r"|403 (?:Client Error|Forbidden)",
    ),
    ("vocabulary", r"teacher model has vocab_size|requires a shared vocabulary"),
    (
        "no_reward",
        r"No reward source provided|Could not load reward function|Number of reward weights"
        r"|[Rr]eward function '.{1,200}' returned",
    ),
    (
        "chat_template",
        r"chat_template is not set|template does not support tool calling"
        r"|(?:no|not have a) chat template|roles must alternate|jinja2\.exceptions"
        r"|TemplateError",
    ),
    (
        "dataset_format",
        r"KeyError: ['\"](?:text|messages|prompt|completion|chosen|rejected|label|role|content|conversations|images?"
        r"|train\w*|test\w*|validation)['\"]|num_samples should be a positive|num_samples=0"
        r"|No columns in the dataset match|Column '?\w+'? (?:doesn't exist|not in)|has no attribute 'endswith'"
        r"|can only concatenate (?:str|list)|DatasetGenerationError|CastError|ArrowInvalid|ArrowTypeError"
        r"|missing \d+ required positional arguments?: '(?:solution|prompts)"
        r"|multiple values for keyword argument 'completions'|The dataset appears to be vision-related",
    ),
    (
        "diverged",
        r"contains either `?inf`?, `?nan`?|[Ll]oss is (?:nan|inf)|FloatingPointError|non-finite",
    ),
    (
        "bad_argument",
        r"arguments are not used by the HfArgumentParser|unexpected keyword argument|Your setup doesn't support bf16"
        r"|is not a valid (?:SchedulerType|OptimizerNames|IntervalStrategy|HubStrategy|SaveStrategy)"
        r"|does not support `?nn\.DataParallel|load_best_model_at_end requires|evaluation requires an eval_dataset"
        r"|must be divisible by|batch size must be > 1|A teacher model is required|adapter to `?lm_head"
        r"|SequenceClassification' object has no attribute 'prepare_inputs_for_generation'|SEQ_CLS"
        r"|is too short and causes image placeholder",
    ),
    (
        "import_error",
        r"ModuleNotFoundError|ImportError|No module named|PackageNotFoundError|cannot open shared object file"
        r"|undefined symbol",
    ),
    (
        "network",
        r"Connect(?:ion)?Error|ConnectTimeout|ReadTimeout|Max retries exceeded|name resolution|RemoteDisconnected"
        r"|LocalEntryNotFoundError|[Cc]ouldn't connect to|5\d\d (?:Server Error|Bad Gateway|Service|Internal|Gateway)"
        r"|429 (?:Client Error|Too Many)|IncompleteRead|ProtocolError|SSLError",
    ),
    ("killed", r"^KeyboardInterrupt\b|SignalException"),
)

# Error lines that only repeat what another process failed with.
ECHOES = re.compile(r"CalledProcessError|ChildFailedError|^SystemExit\b")


def symptom(line: str, in_error: bool) -> str | None:
    """Return the kind of failure this line speaks of, or None."""
    for kind, pattern in ANYWHERE:
        if pattern.search(line):
            return kind
    if in_error:
        for kind, pattern in IN_ERROR:
            if pattern.search(line):
                return kind
    return None
