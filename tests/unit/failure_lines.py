"""The decisive lines of real failing runs, as people reported them, and what each of them means.

`IN_TRACEBACK` are lines below a traceback (or its last lines), `ALONE` lines outside of one, `HARMLESS` lines and
pieces of logs that look like failures and are none. `STORIES` are ends of logs that say several things, with the one that
counts and the line it rests on.
"""

# ruff: noqa: E501  (lines of logs stay whole)
from __future__ import annotations

TRACE = 'Traceback (most recent call last):\n  File "/app/train.py", line 12, in <module>\n    main()\n'
DATASETS_TRACE = (
    TRACE
    + '  File "/venv/lib/python3.11/site-packages/datasets/formatting/formatting.py", line 277, in __getitem__\n'
    + "    value = self.data[key]\n"
)

IN_TRACEBACK: dict[str, tuple[str, ...]] = {
    "oom": (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.11 GiB. GPU 0 has a total capacity of 14.74 GiB",
        "RuntimeError: CUDA out of memory. Tried to allocate 954.00 MiB (GPU 0; 31.75 GiB total capacity; 29.99 GiB already",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
        "RuntimeError: CUDA error: out of memory",
        "torch.AcceleratorError: CUDA error: out of memory",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "RuntimeError: MPS backend out of memory (MPS allocated: 17.9 GB)",
        "RuntimeError: No executable batch size found, reached zero.",
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing",
        "ValueError: Free memory on device (9.4/23.64 GiB) on startup is less than desired GPU memory utilization (0.9, 21",
        "ValueError: The model's max seq len (32768) needs 3.50 GiB KV cache memory, which is larger than the available KV "
        "cache memory (1.20 GiB).\nTo serve at least one request, KV cache is needed, which is larger than the available KV cache memory",
        "ValueError: Some modules are dispatched on the CPU or the disk. Make sure you have enough GPU RAM to fit the",
    ),
    "host_memory": (
        "RuntimeError: [enforce fail at alloc_cpu.cpp:66] . DefaultCPUAllocator: can't allocate memory: you tried to",
        "MemoryError",
        "MemoryError: std::bad_alloc",
        "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array with shape (1000000000,)",
        "OSError: [Errno 12] Cannot allocate memory",
        "RuntimeError: DataLoader worker (pid 2156) is killed by signal: Killed.",
        "RuntimeError: One of the subprocesses has abruptly died during map operation.To debug the error, disable",
    ),
    "shared_memory": (
        "RuntimeError: DataLoader worker (pid 46794) is killed by signal: Bus error. It is possible that dataloader's",
        "RuntimeError: unable to open shared memory object </torch_17_9> in read-write mode: Too many open files (24)",
    ),
    "disk_full": (
        "OSError: [Errno 28] No space left on device",
        'safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 28, message: "No space left on device" })',
        "OSError: [Errno 122] Disk quota exceeded: '/root/.cache/huggingface'",
        "RuntimeError: [enforce fail at inline_container.cc:595] . unexpected pos 64 vs 0",
        "RuntimeError: PytorchStreamWriter failed writing file data/12: file write failed",
    ),
    "gated": (
        "huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-6;a)\n\nCannot access gated repo for url",
        "OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/meta-llama",
        "datasets.exceptions.DatasetNotFoundError: Dataset 'a/b' is a gated dataset on the Hub. Visit the dataset page at",
    ),
    "bad_token": (
        "huggingface_hub.errors.HfHubHTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/api/whoami-v2\n"
        "Invalid user token.",
        "OSError: There was a specific connection error when trying to load a/b:\n401 Client Error: Unauthorized for url: x\n"
        "Invalid credentials in Authorization header",
        'huggingface_hub.errors.HfHubHTTPError: 401 Client Error\nUser Access Token "job" is expired',
    ),
    "no_token": (
        "huggingface_hub.errors.LocalTokenNotFoundError: Token is required (`token=True`), but no token found.",
        "huggingface_hub.errors.LocalTokenNotFoundError: Token is required to call the /whoami-v2 endpoint, but no token",
    ),
    "token": (
        "huggingface_hub.errors.HfHubHTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/api/x",
        "huggingface_hub.errors.HfHubHTTPError: 403 Client Error: Forbidden for url: https://huggingface.co/api/models/a/b",
        "ValueError: x\nInvalid username or password.",
    ),
    "not_found": (
        "huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error. (Request ID: Root=1-6;b)\n\nRepository Not Found",
        "OSError: someuser/does-not-exist is not a local folder and is not a valid model identifier listed on 'https://x'",
        "datasets.exceptions.DatasetNotFoundError: Dataset 'ada/none' doesn't exist on the Hub or cannot be accessed.",
        "OSError: a/b does not appear to have a file named pytorch_model.bin, model.safetensors or tf_model.h5",
        "huggingface_hub.errors.RevisionNotFoundError: 404 Client Error. Revision Not Found for url: x. Invalid rev id: v2",
        "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/a/b/c'",
        "ValueError: Unrecognized model in a/b. Should have a `model_type` key in its config.json",
        "datasets.exceptions.DataFilesNotFoundError: No (supported) data files found in ada/empty",
    ),
    "part_missing": (
        "ValueError: Unknown split \"train\". Should be one of ['test'].",
        "ValueError: Config name is missing.\nPlease pick one among the available configs: ['main', 'socratic']",
        "ValueError: BuilderConfig 'default2' not found. Available: ['default']",
        "ValueError: Bad split: validation. Available splits: ['train']",
    ),
    "rate_limited": (
        "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/api/x",
        "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/a/b/resolve/main/c",
        "OSError: batch response: We had to rate limit you, you hit the quota of 1000 api requests per 5 minutes period.",
        "huggingface_hub.errors.HfHubHTTPError: Client error '429 Too Many Requests' for url 'https://huggingface.co/x/commit/m'",
    ),
    "payment": ("huggingface_hub.errors.HfHubHTTPError: 402 Client Error: Payment Required for url: https://x",),
    "storage": (
        "huggingface_hub.errors.HfHubHTTPError: 403 Forbidden: Private repository storage limit reached, please upgrade.",
        "huggingface_hub.errors.HfHubHTTPError: 403 Forbidden: Your storage patterns tripped our internal systems!",
    ),
    "push_failed": (
        "huggingface_hub.errors.HfHubHTTPError: 403 Client Error: Forbidden for url: https://huggingface.co/api/repos/create\n\n"
        'You don\'t have the rights to create a model under the namespace "acme"',
        "huggingface_hub.errors.HfHubHTTPError: 500 Server Error for url: https://huggingface.co/api/models/a/b/preupload/main",
        "RuntimeError: Error while uploading 'model.safetensors' to the Hub.",
    ),
    "hub_fault": (
        "huggingface_hub.errors.HfHubHTTPError: 502 Server Error: Bad Gateway for url: https://huggingface.co/a/b",
        "huggingface_hub.errors.HfHubHTTPError: Server error '503 Service Unavailable' for url 'https://huggingface.co/api'",
    ),
    "network": (
        "requests.exceptions.ConnectionError: (MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max",
        "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the cached",
        "huggingface_hub.errors.LocalEntryNotFoundError: An error happened while trying to locate the file on the Hub",
        "httpx.ConnectTimeout: timed out",
        "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        "requests.exceptions.SSLError: (MaxRetryError('EOF occurred in violation of protocol (_ssl.c:2426)'))",
        "urllib3.exceptions.ProtocolError: ('Connection broken: IncompleteRead(9 bytes read)')",
        "OSError: Consistency check failed: file should be of size 4976698672 but has size 499 (model-00001.safetensors).",
    ),
    "generator": (
        "ConnectionError: The vLLM server can't be reached at http://0.0.0.0:8000 after 240.0 seconds. Make sure the server",
    ),
    "dataset_format": (
        "KeyError: 'prompt'",
        "KeyError: 'messages'",
        "KeyError: \"Invalid keys in the example: {'foo'}\"",
        "ValueError: No columns in the dataset match the model's forward method signature.",
        "datasets.exceptions.DatasetGenerationError: An error occurred while generating the dataset",
        "datasets.table.CastError: Couldn't cast",
        "pyarrow.lib.ArrowInvalid: JSON parse error: Missing a closing quotation mark in string. in row 3",
        "ValueError: Unable to create tensor, you should probably activate truncation and/or padding with 'padding=True'",
        "ValueError: Can only automatically infer lengths for datasets whose items are dictionaries with an 'input_ids' key.",
        "TypeError: string indices must be integers, not 'str'",
        "ValueError: Column name ['text'] not in the dataset. Current columns in the dataset: ['a']",
        "TypeError: TextEncodeInput must be Union[TextInputSequence, Tuple[InputSequence, InputSequence]]",
    ),
    "no_rows": ("ValueError: num_samples should be a positive integer value, but got num_samples=0",),
    "row_code": ("RuntimeError: Dataset scripts are no longer supported, but found eli5.py",),
    "chat_template": (
        "ValueError: Cannot use chat template functions because tokenizer.chat_template is not set and no template argument",
        "jinja2.exceptions.TemplateError: Conversation roles must alternate user/assistant/user/assistant/...",
        "jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'content'",
        "jinja2.exceptions.TemplateError: System role not supported",
    ),
    "answers_unmarked": (
        "RuntimeError: You're using `assistant_only_loss=True`, but at least one example has no assistant tokens.",
    ),
    "bad_argument": (
        "ValueError: Some specified arguments are not used by the HfArgumentParser: ['--max_seq_length', '512']",
        "TypeError: SFTConfig.__init__() got an unexpected keyword argument 'max_seq_length'",
        "ValueError: --load_best_model_at_end requires the save and eval strategy to match, but found",
        "ValueError: generation_batch_size (6) must be divisible by num_generations (4).",
        "ValueError: 'fancy' is not a valid OptimizerNames, please select one of ['adamw_torch', 'adafactor']",
        "ValueError: Target modules {'q_projj'} not found in the base model. Please check the target modules and try again.",
        "ValueError: At most one of fp16 and bf16 can be True, but not both",
    ),
    "no_reward": ("ValueError: The reward function 'f' returned 3 rewards, but 8 prompts were given.",),
    "vocabulary": ("ValueError: The student model has vocab_size 440 but the teacher model has vocab_size 512.",),
    "no_bf16": (
        "ValueError: Your setup doesn't support bf16/gpu. You need torch>=1.10, using Ampere GPU with cuda>=11.0",
        "ValueError: Your setup doesn't support bf16/gpu.",
        "ValueError: bf16 requested, but AMP is not supported on this GPU. Requires Ampere series or above.",
        "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has 7.5",
        "RuntimeError: \"addmm_impl_cpu_\" not implemented for 'BFloat16'",
    ),
    "half": (
        "ValueError: Attempting to unscale FP16 gradients.",
        "RuntimeError: \"addmm_impl_cpu_\" not implemented for 'Half'",
    ),
    "no_gpu": (
        "RuntimeError: No CUDA GPUs are available",
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
        "AssertionError: Torch not compiled with CUDA enabled",
    ),
    "kernel": (
        "ImportError: FlashAttention2 has been toggled on, but it cannot be used due to the following error: the package",
        "RuntimeError: FlashAttention only supports Ampere GPUs or newer.",
        "ModuleNotFoundError: No module named 'flash_attn'",
        "ImportError: /venv/flash_attn_2_cuda.cpython-311-x86_64-linux-gnu.so: undefined symbol: _ZN3c104cuda9SetDeviceEi",
        "RuntimeError: CUDA error: no kernel image is available for execution on the device",
        "ImportError: `kernels` is either not installed or uses an incompatible version.",
        "ImportError: You have set `use_liger_kernel` to `True` but liger-kernel >= 0.3.0 is not available.",
    ),
    "kernel_memory": (
        "triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 131072, Hardware limit: 101376.",
    ),
    "import_error": (
        "ModuleNotFoundError: No module named 'bitsandbytes'",
        "importlib.metadata.PackageNotFoundError: No package metadata was found for bitsandbytes",
        "ImportError: Using `bitsandbytes` 4-bit quantization requires bitsandbytes: `pip install -U bitsandbytes>=0.46.1`",
        "ImportError: vLLM is not available and `use_vllm` is set to True. Please install vLLM with `pip install trl[vllm]`",
    ),
    "package_version": (
        "ImportError: cannot import name 'top_k_top_p_filtering' from 'transformers'",
        "ImportError: libcudart.so.12: cannot open shared object file: No such file or directory",
        "RuntimeError: operator torchvision::nms does not exist",
    ),
    "model_code": (
        "ValueError: The repository a/b contains custom code which must be executed to correctly load the model.",
    ),
    "model_format": ("safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",),
    "diverged": (
        "RuntimeError: probability tensor contains either `inf`, `nan` or element < 0",
        "Exception: Current loss scale already at minimum - cannot decrease scale anymore. Exiting run.",
        "FloatingPointError: Minimum loss scale reached (0.0001).",
        "ValueError: Loss is nan, stopping training",
    ),
    "gpu_fault": (
        "RuntimeError: CUDA error: an illegal memory access was encountered",
        "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "RuntimeError: CUDA error: device-side assert triggered",
    ),
    "peer": (
        "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1970",
        "RuntimeError: [1] is setting up NCCL communicator and retrieving ncclUniqueId: Connection reset by peer",
    ),
    "killed": ("KeyboardInterrupt",),
    "code": (
        "NameError: name 'foo' is not defined",
        "SyntaxError: invalid syntax",
        "ZeroDivisionError: division by zero",
        "KeyError: 'my_own_key'",
        "AttributeError: 'NoneType' object has no attribute 'shape'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'config.yaml'",
    ),
    "other": ("RuntimeError: shape '[2, 3]' is invalid for input of size 7", "mylib.StrangeError: what"),
}

ALONE: dict[str, tuple[str, ...]] = {
    "oom": (
        "2025-07-23 13:32:21,683 - train_grpo - ERROR - Evaluation failed: CUDA out of memory. Tried to allocate 72.00 MiB.",
        "Training failed: CUDA out of memory. Tried to allocate 2.00 GiB",
        "[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
        "(EngineCore_DP0 pid=223840) ERROR 10-25 13:08:43 [core.py:708] ValueError: No available memory for the cache blocks. ",
    ),
    "host_memory": (
        "slurmstepd: error: Detected 1 oom_kill event in StepId=11300781.0. Some of the step tasks have been OOM Killed.",
        "Out of memory: Killed process 1234 (python) total-vm:1kB",
    ),
    "killed": (
        "Killed",
        "bash: line 1:   27 Killed                  uv run train.py",
        "/entrypoint.sh: line 7:  1234 Killed python train.py",
        "ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: -9) local_rank: 0 (pid: 27657) of binary: x",
        "  exitcode  : -9 (pid: 36071)",
        "  traceback : Signal 9 (SIGKILL) received by PID 36071",
        "subprocess.CalledProcessError: Command '['python', 'x.py']' died with <Signals.SIGKILL: 9>.",
    ),
    "timeout": (
        "slurmstepd: error: *** JOB 123 ON gpu01 CANCELLED AT 2025-05-01T01:00:00 DUE TO TIME LIMIT ***",
        "Job timeout",
    ),
    "preempted": (
        "slurmstepd: error: *** JOB 123 ON gpu01 CANCELLED AT 2025-05-01T01:00:00 DUE TO PREEMPTION ***",
        "The node was low on resource: memory.",
    ),
    "crashed": (
        "Segmentation fault (core dumped)",
        "Fatal Python error: Segmentation fault",
        "  exitcode  : -11 (pid: 3)",
    ),
    "waited": (
        "[E ProcessGroupNCCL.cpp:457] [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1132079,",
        "[rank2]:[E602 11:18:53.865 ProcessGroupNCCL.cpp:684] [Rank 2] Watchdog caught collective operation timeout: W",
    ),
    "unresolved": (
        "  × No solution found when resolving script dependencies:",
        "  × Failed to build `flash-attn==2.5.8`",
        "error: Failed to build: xformers==0.0.24",
        "ERROR: Could not find a version that satisfies the requirement trl==99 (from versions: 0.1, 0.2)",
        "ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.",
    ),
    "import_error": (
        "/bin/sh: 1: trl: not found",
        "bash: line 1: accelerate: command not found",
        "/usr/bin/python: No module named trl",
    ),
    "network": ("error: Failed to fetch: `https://pypi.org/simple/trl/`", "error: Request failed after 3 retries"),
    "bad_argument": (
        "sft.py: error: unrecognized arguments: --foo",
        "trl: error: argument command: invalid choice: 'sftt' (choose from 'dpo', 'sft')",
    ),
    "code": (
        "SyntaxError: invalid syntax. Perhaps you forgot a comma?",
        "python: can't open file '/app/train.py': [Errno 2] No such file or directory",
    ),
    "diverged": (
        "../aten/src/ATen/native/cuda/TensorCompare.cu:110: _assert_async_cuda_kernel: block: [0,0,0], thread: [0,0,0] "
        "Assertion `probability tensor contains either `inf`, `nan` or element < 0` failed.",
    ),
}

HARMLESS: tuple[str, ...] = (
    "│ Training failed: CUDA out of memory. Tried to allocate 1 GiB │ 0.5 │",
    '"Error: No space left on device"',
    "ERROR - download failed: [Errno 28] No space left on device, retrying in 5 s",
    "ValueError: could not parse the answer of row 7",
    "KeyError: 'x'",
    "│ Why do I get CUDA out of memory? │ RuntimeError: CUDA out of memory. Tried to allocate 20 MiB │ 0.50 │",
    "│ Traceback (most recent call last): │ 0.0 │\n│ KeyError: 'text'                   │ 1.0 │",
    "{'prompt': 'Explain RuntimeError: CUDA out of memory.', 'completion': 'error: No space left on device'}",
    '"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1 GiB"',
    "| instruction | CUDA out of memory. Tried to allocate |",
    "The dragon was Killed by the knight.",
    "He killed the process and freed the memory.",
    "/venv/lib/python3.11/site-packages/x.py:5: FutureWarning: `torch.cuda.amp.GradScaler` will raise an error: MemoryError",
    "UserWarning: Not enough free disk space to download the file. The expected file size is: 4976.70 MB.",
    "UserWarning: CUDA initialization: Found no NVIDIA driver on your system.",
    "WARNING:urllib3.connectionpool:Retrying (Retry(total=2)) after connection broken by 'NameResolutionError(x)': /simple",
    "'(ReadTimeoutError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Read timed out.\"), '(Request ID: 1)')' thrown "
    "while requesting HEAD https://huggingface.co/a/b/resolve/main/config.json\nRetrying in 1s [Retry 1/5].",
    'INFO:httpx:HTTP Request: HEAD https://huggingface.co/a/b/resolve/main/adapter_config.json "HTTP/1.1 404 Not Found"',
    "Error while downloading from https://cdn-lfs.hf.co/x: Read timed out.\nTrying to resume download...",
    "ERROR: pip's dependency resolver does not currently take into account all the packages that are installed. This "
    "behaviour is the source of the following dependency conflicts.\ngcsfs 2024.10.0 requires fsspec==2024.10.0, but you",
    "2025-07-23 13:31:25.671823: E external/local_xla/xla/stream_executor/cuda/cuda_fft.cc:467] Unable to register cuFFT",
    "E0000 00:00:1753277485.689102   35547 cuda_dnn.cc:8579] Unable to register cuDNN factory: Attempting to register",
    "W0000 00:00:1753277485.7 35547 computation_placer.cc:177] computation placer already registered.",
    "NaN or Inf found in input tensor.",
    "wandb: WARNING Serializing object of type dict that is 589920 bytes; error: timeout",
    "Reading inline script metadata from `train.py`\nwarning: `VIRTUAL_ENV=/x` does not match the project environment path",
    "Token indices sequence length is longer than the specified maximum sequence length for this model (2049 > 2048). "
    "Running this sequence through the model will result in indexing errors",
    "The push failed (503 Server Error); trying again in 5 s.",
    "Some weights of the model were not used: ['lm_head.weight']",
    "[rank0]:[W1119 ProcessGroupNCCL.cpp:1496] Warning: WARNING: destroy_process_group() was not called before program exit",
    "INFO 10-25 13:08:43 [core.py:70] error handler installed, out of memory protection enabled",
    "0%|          | 0/10 [00:00<?, ?it/s]",
    "fatal: not a git repository (or any of the parent directories): .git",
    "Exception ignored in: <function Foo.__del__ at 0x7f>",
)

BEGUN = "  0%|          | 0/20 [00:00<?, ?it/s]\r  5%|5         | 1/20 [00:01<00:19,  1.00s/it]\r"
GOES_ON = (
    "{'loss': '2.1', 'grad_norm': '1.0', 'learning_rate': '1e-05', 'epoch': '0.2'}\r 20%|2  | 4/20 [00:04<00:16]\n"
)
LAUNCHER = (
    "E1119 17:00:00.123000 1 torch/distributed/elastic/multiprocessing/api.py:826] failed (exitcode: 1) local_rank: 0 (pid: 9)\n"
    + TRACE
    + "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n============================================\n"
    "train.py FAILED\nFailures:\n  <NO_OTHER_FAILURES>\nRoot Cause (first observed failure):\n[0]:\n  time      : 2025-01-01\n"
    "  exitcode  : 1 (pid: 9)\n  error_file: <N/A>\n"
)
ACCELERATE = (
    TRACE + "subprocess.CalledProcessError: Command '['python', 'train.py']' returned non-zero exit status 1.\n"
)
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
NO_COLUMN = "KeyError: 'messages'"
CHAINED = "\nThe above exception was the direct cause of the following exception:\n\n"
MEANWHILE = "\nDuring handling of the above exception, another exception occurred:\n\n"
RANKED = (
    TRACE.replace("Trace", "[rank1]: Trace").replace("  File", "[rank1]:   File").replace("    m", "[rank1]:     m")
)

# (what it is about, the log, the cause or None, the line it rests on)
STORIES: tuple[tuple[str, str, str | None, str], ...] = (
    ("the launcher reports the child", TRACE + OOM + "\n" + LAUNCHER, "oom", OOM),
    ("accelerate reports the child", TRACE + NO_COLUMN + "\n" + ACCELERATE, "dataset_format", NO_COLUMN),
    ("only the launcher speaks", ACCELERATE, "other", ACCELERATE.splitlines()[-1]),
    ("killed after running out of memory", TRACE + OOM + "\nKilled\n", "oom", OOM),
    (
        "a traceback glued to a bar",
        "  0%|      | 0/10 [00:00<?, ?it/s]" + TRACE + NO_COLUMN + "\n",
        "dataset_format",
        NO_COLUMN,
    ),
    ("the bar comes once more", BEGUN + "\n" + TRACE + OOM + "\n  5%|5  | 1/20 [00:02<00:38,  2.00s/it]\n", "oom", OOM),
    ("the run goes on", BEGUN + TRACE + "httpx.ReadTimeout: timed out\n" + GOES_ON, None, ""),
    (
        "two processes, the first one counts",
        RANKED
        + "[rank1]: "
        + OOM
        + "\n"
        + TRACE.replace("T", "[rank0]: T", 1)
        + "[rank0]: torch.distributed.DistBackendError: x\n",
        "oom",
        OOM,
    ),
    (
        "two processes, both with a reason",
        RANKED
        + "[rank1]: "
        + NO_COLUMN
        + "\n[rank0]: "
        + TRACE
        + "[rank0]: RuntimeError: No CUDA GPUs are available\n",
        "dataset_format",
        NO_COLUMN,
    ),
    (
        "another process still prints a bar, then the launcher ends it all",
        BEGUN + RANKED + "[rank1]: " + OOM + "\n 10%|1  | 2/20 [00:02<00:18]\n" + LAUNCHER,
        "oom",
        OOM,
    ),
    (
        "another process still prints a bar, then the launcher ends it with a signal",
        BEGUN + RANKED + "[rank1]: " + OOM + "\n 10%|1  | 2/20 [00:02<00:18]\n  exitcode  : -15 (pid: 101)\n",
        "oom",
        OOM,
    ),
    (
        "what was raised first and what came of it",
        TRACE
        + "requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: x\n"
        + CHAINED
        + TRACE
        + "huggingface_hub.errors.GatedRepoError: 403 Client Error. (Request ID: 1)\n"
        + CHAINED
        + TRACE
        + "OSError: gone\n",
        "gated",
        "huggingface_hub.errors.GatedRepoError: 403 Client Error. (Request ID: 1)",
    ),
    (
        "an optional file is not there, later a real error",
        TRACE
        + "huggingface_hub.errors.RemoteEntryNotFoundError: 404 Client Error.\n\nEntry Not Found for url: x\n"
        + "INFO:x:no adapter, going on\n" * 20
        + TRACE
        + OOM
        + "\n",
        "oom",
        OOM,
    ),
    (
        "a mistake in the program after something that was only logged",
        TRACE
        + "httpx.ConnectError: [Errno 111] Connection refused\n"
        + "loaded\n" * 20
        + TRACE
        + "NameError: name 'x' is\n",
        "code",
        "NameError: name 'x' is",
    ),
    (
        "cleaning up fails as well",
        TRACE + OOM + "\n" + MEANWHILE + TRACE + "AttributeError: 'NoneType' object has no attribute 'close'\n",
        "oom",
        OOM,
    ),
    (
        "the message says more than its first line",
        TRACE
        + "OSError: There was a specific connection error when trying to load a/b:\n401 Client Error: Unauthorized for url:\n"
        "\nInvalid credentials in Authorization header\n",
        "bad_token",
        "Invalid credentials in Authorization header",
    ),
    ("a column of any name", DATASETS_TRACE + "KeyError: 'my_column'\n", "dataset_format", "KeyError: 'my_column'"),
    (
        "rows are read in other processes",
        'multiprocess.pool.RemoteTraceback: \n"""\n'
        + TRACE
        + NO_COLUMN
        + '\n"""\n'
        + CHAINED
        + TRACE
        + NO_COLUMN
        + "\n",
        "dataset_format",
        NO_COLUMN,
    ),
    (
        "an engine that could not start",
        "(EngineCore_DP0 pid=9) ERROR 10-25 13:08:43 [core.py:708] Traceback (most recent call last):\n"
        '(EngineCore_DP0 pid=9) ERROR 10-25 13:08:43 [core.py:708]   File "x.py", line 1, in f\n'
        "(EngineCore_DP0 pid=9) ERROR 10-25 13:08:43 [core.py:708] ValueError: No available memory for the cache blocks.\n"
        + TRACE
        + "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n",
        "oom",
        "ValueError: No available memory for the cache blocks.",
    ),
    (
        "a first attempt failed, the second one is through",
        BEGUN
        + TRACE
        + OOM
        + "\nattempt 2 with a smaller batch\n"
        + BEGUN
        + GOES_ON
        + "{'train_runtime': '9.1', 'train_loss': '2.0', 'epoch': '1'}\n",
        None,
        "",
    ),
    (
        "the loss was lost before the GPU complained",
        "{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 1e-06, 'epoch': 0.1}\n"
        + TRACE
        + "RuntimeError: CUDA error: device-side assert triggered\n",
        "diverged",
        "loss 0.0, grad_norm nan",
    ),
    (
        "one step of nonsense",
        "{'loss': 1.0, 'grad_norm': nan, 'epoch': 0.1}\n{'loss': 'nan', 'epoch': '0.2'}\n" + GOES_ON,
        None,
        "",
    ),
    (
        "a traceback in a box",
        "╭───── Traceback (most recent call last) ─────╮\n│ /app/train.py:12 in <module>                │\n"
        "╰─────────────────────────────────────────────╯\n" + OOM + "\n",
        "oom",
        OOM,
    ),
    ("colours", "\x1b[31m" + TRACE.replace("\n", "\x1b[0m\n") + "\x1b[1m" + OOM + "\x1b[0m\n", "oom", OOM),
    (
        "a warning between the lines of a traceback",
        TRACE + "/venv/x.py:3: UserWarning: something\nwandb: waiting\n    more()\n" + OOM + "\n",
        "oom",
        OOM,
    ),
    (
        "the time was over after a survived error",
        TRACE + "httpx.ReadTimeout: timed out\n"
        "slurmstepd: error: *** JOB 1 ON g CANCELLED AT 2025-05-01T01:00:00 DUE TO TIME LIMIT ***\n",
        "timeout",
        "slurmstepd: error: *** JOB 1 ON g CANCELLED AT 2025-05-01T01:00:00 DUE TO TIME LIMIT ***",
    ),
    ("a table of answers that speak of errors", BEGUN + HARMLESS[0] + "\n" + HARMLESS[1] + "\n", None, ""),
)
