"""What rows, templates and rewards do to a training."""

from __future__ import annotations

from trl_space.symptoms.cause import LIKELY, USUAL, Cause

# Columns whose absence means that the rows are of another kind than the goal takes.
_COLUMNS = (
    r"text|messages|prompts?|completions?|chosen|rejected|labels?|role|content|conversations?|images?|image|input_ids"
    r"|instruction|input|output|question|answer|response|query|solution|from|value|tools|train\w*|test\w*|validation"
)

CAUSES = (
    Cause("vocabulary", "bad_argument", ("other_teacher",), error=r"teacher model has vocab_size|a shared vocabulary"),
    Cause(
        "no_reward",
        "bad_argument",
        ("other_reward",),
        error=r"No reward source provided|Could not load reward function|Number of reward weights"
        r"|number of reward processing classes|[Rr]eward function '.{1,200}' returned",
    ),
    Cause(
        "chat_template",
        "chat_template",
        ("other_model",),
        error=r"chat_template is not set|does not have a chat template|no chat template"
        r"|apply_chat_template.{0,80}default"
        r"|template does not support tool calling|roles must alternate|TemplateError|Unrecognized chat template"
        r"|chat template is not training-compatible|no template argument was passed",
        inside=r"jinja2\.exceptions|TemplateSyntaxError|Only user and assistant roles|[Ss]ystem role not supported"
        r"|After the optional system message|Cannot use chat template",
    ),
    Cause(
        "answers_unmarked",
        "chat_template",
        ("whole_text", "other_model"),
        error=r"at least one example has no assistant|assistant_only_loss.{0,80}(?:conversational|not support)"
        r"|completion_only_loss.{0,60}not supported for language modeling",
    ),
    Cause(
        "no_rows",
        "dataset_format",
        ("longer_rows", "other_dataset"),
        error=r"num_samples should be a positive|num_samples=0|[Dd]ataset is empty|There (?:is|are) (?:0"
        r"|no) (?:rows|examples)"
        r"|There are \d+ questions to train on|contains no (?:rows|examples)|too few rows",
    ),
    Cause(
        "dataset_format",
        "dataset_format",
        ("own_columns", "other_dataset"),
        error=rf"^KeyError: ['\"](?:{_COLUMNS})['\"]|No columns in the dataset match"
        rf"|dataset appears to be vision-related"
        r"|Column '?\w+'? (?:doesn't exist|not in)|Column name .{1,200} not in the dataset|DatasetGenerationError"
        r"|DatasetGenerationCastError|CastError|ArrowInvalid|ArrowTypeError|ArrowNotImplementedError"
        r"|missing \d+ required positional arguments?: '(?:solution|prompts|answer|ground_truth)"
        r"|multiple values for keyword argument 'completions'|Invalid keys in the example|Unexpected input keys"
        r"|input examples must contain|Vision datasets must be|Can only automatically infer lengths"
        r"|Unable to create tensor, you should probably activate|Unsupported dataset|[Dd]ataset (?:format"
        r"|type).{0,60}support"
        r"|[Dd]ataset (?:must|should|needs to) (?:contain|have|include)|requires conversational prompts",
        inside=r"has no attribute 'endswith'|can only concatenate (?:str|list)|Couldn't (?:cast|infer)"
        r"|JSON parse error"
        r"|string indices must be integers|list indices must be integers|is not a valid (?:jsonl?|parquet)"
        r"|Invalid role in"
        r"|column names don't match|data files must have the same columns|not in the dataset|[Cc]ould not convert '"
        r"|Expected bytes, got a|number of images provided|image placeholders?\)|TextEncodeInput must be"
        r"|text input must be of type|error occurred while generating the dataset|Mismatch: sum\(lengths\)"
        r"|codec can't decode",
    ),
    Cause(
        "row_code",
        "dataset_format",
        ("other_dataset",),
        LIKELY,
        error=r"Dataset scripts are no longer supported|trust_remote_code` is not supported",
    ),
)

# A KeyError raised where `datasets` looks into a row: the row lacks that column, whatever its name.
ROWS = Cause("dataset_format", "dataset_format", ("own_columns", "other_dataset"), USUAL)
