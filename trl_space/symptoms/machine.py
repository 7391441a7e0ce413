"""What happens to machines: memory, disk, time, the processes and their GPUs."""

from __future__ import annotations

from trl_space.symptoms.cause import FOLLOWS, LIKELY, SURE, Cause

_SMALLER = ("bigger_machine", "adapter", "adapter_4bit", "half_batch", "half_length")

CAUSES = (
    Cause(
        "host_memory",
        "oom",
        ("more_ram", "one_loader", "half_batch", "half_length"),
        SURE,
        alone=r"\boom[-_]kill|Out of memory: Killed process|\bOOM-?Killed\b|Memory cgroup out of memory",
        error=r"DefaultCPUAllocator: (?:can't allocate|not enough) memory|Cannot allocate memory|std::bad_alloc"
        r"|(?:^|[^A-Za-z])(?:\w{1,40}ArrayMemoryError|MemoryError)\b|Unable to allocate [\d.]+ [KMGT]iB for an array"
        r"|is killed by signal: Killed|malloc of size \d+ failed|abruptly died during map operation",
    ),
    Cause(
        "shared_memory",
        "oom",
        ("one_loader", "more_ram", "again"),
        SURE,
        error=r"insufficient shared memory|is killed by signal: Bus error|workers are out of shared memory"
        r"|unable to (?:open|mmap|write|resize|allocate) .{0,80}shared memory",
    ),
    Cause(
        "kernel_memory",
        "import_error",
        ("usual_attention", "half_length"),
        SURE,
        error=r"OutOfResources|out of resource: shared memory",
    ),
    Cause(
        "oom",
        "oom",
        _SMALLER,
        SURE,
        error=r"CUDA out of memory|CUDA error: out of memory|CUDA driver error: out of memory|OutOfMemoryError"
        r"|(?:HIP|XPU|NPU|MPS backend) out of memory|CUBLAS_STATUS_ALLOC_FAILED|cudaErrorMemoryAllocation"
        r"|CUDNN_STATUS_ALLOC_FAILED|NCCL .{0,80}out of memory|No executable batch size found"
        r"|No available memory for the cache blocks|less than desired GPU memory utilization"
        r"|KV cache.{1,80}larger than|needed, which is larger than the available KV cache memory"
        r"|[Mm]odules are dispatched on the CPU or the disk|not enough GPU (?:RAM|memory)|enough GPU RAM to fit",
    ),
    Cause(
        "disk_full",
        "disk_full",
        ("bigger_disk", "save_less"),
        SURE,
        alone=r"^(?:\w+: )?(?:\S{1,200}: )?No space left on device$",
        error=r"No space left on device|\(os error 28\)|\[Errno 28\]|Disk quota exceeded|\[Errno 122\]"
        r"|\(os error 122\)"
        r"|PytorchStreamWriter failed writing|inline_container\.cc.{0,80}unexpected pos",
    ),
    Cause(
        "timeout",
        "timeout",
        ("continue_longer", "run_longer", "faster_machine"),
        SURE,
        alone=r"^Job timeout\b|DUE TO TIME LIMIT|^(?:The )?[Jj]ob (?:was |has )?(?:stopped|exceeded|reached)"
        r".{0,40}(?:time ?limit|timeout)|\bDeadlineExceeded\b",
    ),
    Cause(
        "preempted",
        "killed",
        ("continue", "again"),
        SURE,
        alone=r"DUE TO (?:PREEMPTION|NODE FAILURE)|\b(?:job|pod|instance|node|container) (?:was|has been|got"
        r"|is being) "
        r"(?:preempted|evicted|reclaimed)|The node was low on resource|DUE to SIGNAL Preempt",
    ),
    Cause(
        "diverged",
        "diverged",
        ("lower_rate",),
        SURE,
        alone=r"Assertion `probability tensor contains either",
        error=r"contains either `?inf`?, `?nan`?",
        inside=r"[Ll]oss (?:is|became|was|=|:) ?(?:nan|inf|NaN)|\b[Nn]a[Nn] (?:loss|detected)|FloatingPointError"
        r"|non-finite|[Cc]urrent loss scale already at minimum|[Ff]ound (?:nan|inf|NaN)|returned nan values",
    ),
    Cause(
        "no_bf16",
        "bad_argument",
        ("no_bf16", "newer_machine"),
        SURE,
        error=r"setup doesn't support bf16|bf16 requested, but AMP is not supported|doesn't support bf16"
        r"|[Bb]f(?:loat)?16 is (?:only|not) supported|(?:does not|doesn't) support (?:the )?bf(?:loat)?16"
        r"|not implemented for 'BFloat16'|only supported on GPUs with compute capability of at least 8",
    ),
    Cause(
        "half",
        "bad_argument",
        ("float32", "no_bf16"),
        SURE,
        error=r"Attempting to unscale FP16 gradients|fp16 mixed precision requires a GPU|not implemented for 'Half'"
        r"|--fp16 .{0,60}can only be used on CUDA|_amp_foreach_non_finite_check_and_unscale_cuda",
    ),
    Cause(
        "no_gpu",
        "bad_argument",
        ("gpu_machine", "again"),
        SURE,
        error=r"No CUDA GPUs are available|Found no NVIDIA driver|not compiled with CUDA enabled"
        r"|CUDA driver version is insufficient|NVIDIA driver on your system is too old|No GPU found"
        r"|torch\.cuda\.is_available\(\) (?:is|returned) False|None of the available devices|requires? (?:a "
        r"|CUDA )GPU"
        r"|Failed to infer device type|no CUDA-capable device is detected",
    ),
    Cause(
        "gpu_fault",
        "other",
        ("continue", "again"),
        LIKELY,
        alone=r"has fallen off the bus|NVRM: Xid",
        error=r"CUDA error: (?:an illegal memory|unspecified launch|uncorrectable ECC|unknown error|misaligned"
        r"|device-side"
        r"|operation not)|CUBLAS_STATUS_(?:EXECUTION_FAILED|NOT_INITIALIZED|INTERNAL_ERROR)|CUDNN_STATUS_\w+"
        r"|Unable to determine the device handle",
    ),
    Cause(
        "waited",
        "timeout",
        ("continue", "one_gpu", "again"),
        FOLLOWS,
        alone=r"Watchdog caught collective operation timeout",
        error=r"Timed out waiting for (?:clients|\d+)|store (?:based )?barrier.{0,80}timed out|wait timeout after",
    ),
    Cause(
        "peer",
        "other",
        ("continue", "again"),
        FOLLOWS,
        error=r"NCCL error|DistBackendError|ncclRemoteError|ncclInternalError|ncclSystemError|NCCL communicator was"
        r"|Connection (?:closed|reset) by peer|BrokenPipeError|Broken pipe|ConnectionResetError|^EOFError\b"
        r"|DistNetworkError|DistStoreError|exited unexpectedly",
    ),
    Cause(
        "killed",
        "killed",
        ("continue", "more_ram", "again"),
        FOLLOWS,
        alone=r"^(?:Killed|Terminated)(?: *\(core dumped\))?$|^\S{1,200}: line \d+: +\d+ (?:Killed|Terminated)\b"
        r"|^\[\d+\] *[+-]? *\d+ (?:killed|terminated)\b|got signal: (?:9|15)\b|exitcode *: *-(?:9|15)\b"
        r"|died with <Signals\.SIG(?:KILL|TERM)|Signal (?:9|15) \(SIG|exits with return code = -(?:9|15)\b",
        inside=r"^KeyboardInterrupt\b|SignalException|BrokenProcessPool",
    ),
    Cause(
        "crashed",
        "other",
        ("continue", "again"),
        FOLLOWS,
        alone=r"^Segmentation fault|^Fatal Python error|Segmentation fault \(core dumped\)$|^Bus error"
        r"|^Aborted(?: \(|$)"
        r"|exitcode *: *-(?:4|6|7|8|11)\b|died with <Signals\.SIG(?:SEGV|ABRT|BUS|ILL)|Illegal instruction \(core"
        r"|Signal (?:6|7|11) \(SIG|exits with return code = -(?:6|7|11)\b",
    ),
)
