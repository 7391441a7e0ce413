"""What packages, settings and programs do wrong."""

from __future__ import annotations

from trl_space.symptoms.cause import LIKELY, SURE, USUAL, Cause

_NOT_OURS = "The job has the packages that the app installs; others come with the program or the model."
_NO_FIX = "The program has to be changed by whoever wrote it."

CAUSES = (
    Cause(
        "kernel",
        "import_error",
        ("usual_attention", "leave_out", "fresh_packages"),
        SURE,
        none=_NOT_OURS,
        error=r"FlashAttention\w* (?:has been toggled on|only supports|forward)|[Ff]lash[ _-]?[Aa]tt\w*.{0,60}"
        r"(?:not installed|not available|not supported|not support)|No module named ['\"](?:flash_attn"
        r"|liger_kernel|xformers"
        r"|causal_conv1d|mamba_ssm|kernels)|flash_attn\S*: undefined symbol|no kernel image is available"
        r"|`kernels` (?:is|to be|package)|requires `kernels`|use_liger_kernel.{0,80}not (?:available|installed)"
        r"|Liger (?:Kernel|kernel).{0,60}not (?:available|installed)|does not support .{0,40}(?:Flash ?Attention"
        r"|flash_attention"
        r"|attn_implementation|scaled_dot_product)|use_kernels=True` requires",
    ),
    Cause(
        "unresolved",
        "import_error",
        ("usual_attention", "fresh_packages"),
        SURE,
        none=_NOT_OURS,
        alone=r"No solution found when resolving|^ *(?:×|x|error:) Failed to (?:build|download|prepare|read|resolve)"
        r"|^(?:error|ERROR): (?:Failed (?:to build|building)|Could not (?:find a version|build)"
        r"|No matching distribution"
        r"|ResolutionImpossible|Cannot install .{1,300} because|Distribution .{1,300} can't be installed"
        r"|Package .{1,100} requires"
        r" a different Python|subprocess-exited-with-error)|no wheels with a matching"
        r"|^ERROR: .{1,200} is not a supported wheel on this platform|^error: Because .{1,200} your requirements",
    ),
    Cause(
        "import_error",
        "import_error",
        ("leave_out", "fresh_packages"),
        USUAL,
        none=_NOT_OURS,
        alone=r"^(?:\S{1,60}: )?(?:line )?(?:\d+: )?\S{1,60}: (?:command )?not found$"
        r"|^error: Failed to spawn: |^\S{1,100}: No module named \S+$",
        error=r"ModuleNotFoundError|No module named|PackageNotFoundError|ImportError: (?:Using|Please install)"
        r"|(?:vLLM|PEFT|peft|deepspeed|bitsandbytes).{0,40}not (?:available|installed)",
        inside=r"[Pp]lease install|pip install|is not installed|make sure to install",
    ),
    Cause(
        "package_version",
        "import_error",
        ("fresh_packages",),
        USUAL,
        none=_NOT_OURS,
        error=r"^ImportError|ImportError: cannot import name|undefined symbol|cannot open shared object file"
        r"|is required for a normal functioning|VersionConflict|requires transformers(?:>=| version)"
        r"|GLIBC(?:XX)?_[\d.]+' not found|numpy\.dtype size changed"
        r"|model type `?\w+`? but Transformers does not recognize"
        r"|operator torchvision::nms does not exist",
    ),
    Cause(
        "model_code",
        "other",
        ("other_model",),
        USUAL,
        error=r"contains custom code which must be executed|trust_remote_code=True"
        r"|needs Python code from its own repository",
    ),
    Cause(
        "model_format",
        "not_found",
        ("other_model",),
        USUAL,
        error=r"size mismatch for|Error\(s\) in loading state_dict|HeaderTooLarge|MetadataIncompleteBuffer"
        r"|invalid header"
        r"|does not contain (?:any )?(?:weights|safetensors)|Unrecognized configuration class|GGUF",
    ),
    Cause(
        "bad_argument",
        "bad_argument",
        ("default_settings",),
        USUAL,
        none="No setting of the recipe is named, so none can be left out.",
        alone=r"\berror: (?:argument --|unrecognized arguments|the following arguments are required|ambiguous option"
        r"|unexpected argument|invalid choice)|: error: argument ",
        error=r"arguments are not used by the HfArgumentParser|keys are not used by the HfArgumentParser"
        r"|is not a valid (?:SchedulerType|OptimizerNames|IntervalStrategy|HubStrategy|SaveStrategy|\w+(?:Strategy"
        r"|Type|Names)\b)"
        r"|does not support `?nn\.DataParallel|load_best_model_at_end requires|evaluation requires an eval_dataset"
        r"|must be divisible by|batch size must be > 1|A teacher model is required|adapter to `?lm_head"
        r"|can not be both configured|at least 2 generations|Unknown loss type|Unknown f_divergence|can't be `None`"
        r"|is set to .{1,40} but .{1,80} is not a Mixture|cannot (?:both )?be (?:used|set) together|but not both"
        r"|is not found in the vocabulary|Target modules .{1,200} not found|`num_labels="
        r"|Unknown arguments from config"
        r"|has reached the maximum .{0,40}max_length|is too short and causes image placeholder|Please set `?\w+=",
        inside=r"unexpected keyword argument|prepare_inputs_for_generation'|SEQ_CLS|You passed `?\w+|You set `?\w+"
        r"|is (?:not supported|incompatible) (?:for|with|when|by)|not yet supported|must (?:be|match) (?:one of"
        r"|in \[|greater|positive"
        r"|less|the same)|Invalid value for|Invalid (?:`\w+`|packing|multi)|should be one of|expected one of"
        r"|bad (?:argument|value)"
        r"|ArgumentTypeError|StrictDataclass",
    ),
    Cause(
        "code",
        "other",
        (),
        LIKELY,
        alone=r"^(?:SyntaxError|IndentationError|TabError): "
        r"|^python[\d.]*: can't open file|^error: Failed to (?:parse|read) .{0,120}(?:script|metadata|TOML)",
        error=r"^(?:NameError|SyntaxError|IndentationError|TabError|ZeroDivisionError|AttributeError|TypeError"
        r"|AssertionError"
        r"|IndexError|UnboundLocalError|RecursionError|NotImplementedError|FileNotFoundError|KeyError|StopIteration"
        r"|NotADirectoryError|IsADirectoryError|UnicodeEncodeError|DeprecationError)\b",
        none=_NO_FIX,
    ),
)
