"""What values TRL's arguments may have where TRL itself does not say, or says it only hours into a run.

TRL checks little when it reads its arguments (a negative learning rate, an unknown loss, a batch of none are found
by the first step, or never), so the limits here stand between a recipe and a paid machine. They are wide: they
keep out what cannot work, not what is unusual. `trl_space.schema` puts them on the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping

from trl_space.fields import Holds

MUCH = 1_000_000_000

# Inclusive limits by argument; for lists they count for each number.
RANGES: Mapping[str, tuple[float, float]] = {
    "num_train_epochs": (0.01, 1000),
    "max_steps": (-1, 10_000_000),
    "learning_rate": (1e-9, 1),
    "warmup_steps": (0, 1_000_000),
    "per_device_train_batch_size": (1, 1024),
    "per_device_eval_batch_size": (1, 1024),
    "gradient_accumulation_steps": (1, 4096),
    "weight_decay": (0, 1),
    "adam_beta1": (0, 0.99999),
    "adam_beta2": (0, 0.99999),
    "adam_epsilon": (1e-20, 1),
    "max_grad_norm": (0, 1000),
    "label_smoothing_factor": (0, 0.99),
    "neftune_noise_alpha": (0, 100),
    "seed": (0, 4_294_967_295),
    "data_seed": (0, 4_294_967_295),
    "torch_empty_cache_steps": (1, MUCH),
    "lora_r": (1, 1024),
    "lora_alpha": (1, 4096),
    "lora_dropout": (0, 0.99),
    "logging_steps": (0.0001, 1_000_000),
    "save_steps": (0.0001, 1_000_000),
    # On the machine's own disk, which is full soon and deleted after the run; the Hub keeps the last one.
    "save_total_limit": (1, 3),
    "num_completions_to_print": (1, 1000),
    "test_split_size": (0.001, 0.5),
    "eval_steps": (0.0001, 1_000_000),
    "eval_delay": (0, 1_000_000),
    "eval_accumulation_steps": (1, MUCH),
    "dataloader_num_workers": (0, 64),
    "dataloader_prefetch_factor": (1, 1024),
    "dataset_num_proc": (1, 256),
    "ddp_bucket_cap_mb": (1, 100_000),
    "ddp_timeout": (60, 604_800),
    "max_length": (8, 1_048_576),
    "router_aux_loss_coef": (0, 10),
    "beta": (0, 1000),
    "label_smoothing": (0, 0.5),
    "ld_alpha": (0, 1),
    "f_alpha_divergence_coef": (-100, 100),
    "discopop_tau": (0.0001, 100),
    "loss_weights": (0, 1000),
    "precompute_ref_batch_size": (1, 4096),
    "ref_model_mixup_alpha": (0, 1),
    "ref_model_sync_steps": (1, MUCH),
    "desirable_weight": (0, 1000),
    "undesirable_weight": (0, 1000),
    "center_rewards_coefficient": (0, 100),
    "reward_weights": (-1000, 1000),
    "reward_clip_range": (-1_000_000, 1_000_000),
    "num_generations": (2, 256),
    "num_generations_eval": (1, 256),
    "max_completion_length": (1, 131_072),
    "generation_batch_size": (1, 65_536),
    "steps_per_generation": (1, 4096),
    "num_iterations": (1, 100),
    "temperature": (0.01, 10),
    "top_p": (0.001, 1),
    "top_k": (0, 1_000_000),
    "min_p": (0, 1),
    "repetition_penalty": (0.1, 10),
    "max_tool_calling_iterations": (1, 1000),
    "epsilon": (0, 100),
    "epsilon_high": (0, 100),
    "delta": (1, 1000),
    "top_entropy_quantile": (0, 1),
    "entropy_coef": (0, 100),
    "entropy_coef_min": (0, 100),
    "entropy_coef_max": (0, 100),
    "entropy_coef_delta": (0, 10),
    "entropy_target": (0, 100),
    "off_policy_mask_threshold": (0, 1000),
    "sapo_temperature_neg": (0.0001, 100),
    "sapo_temperature_pos": (0.0001, 100),
    "vespo_k_pos": (0.0001, 100),
    "vespo_lambda_pos": (0.0001, 100),
    "vespo_k_neg": (0.0001, 100),
    "vespo_lambda_neg": (0.0001, 100),
}
# Where a trainer's own limits are narrower. Distillation's beta leads from one divergence to another.
RANGES_OF: Mapping[tuple[str, str], tuple[float, float]] = {("distillation", "beta"): (0, 1)}

_KERNELS = ("kernels-community/flash-attn2", "kernels-community/vllm-flash-attn3")
_DPO_LOSSES = """sigmoid hinge ipo exo_pair nca_pair robust bco_pair sppo_hard aot aot_unpaired apo_zero apo_down
discopop sft sigmoid_norm""".split()

# What is taken where TRL takes any word, and what of TRL's own list works here.
CHOICES: Mapping[str, tuple[str, ...]] = {
    # Not: reduce_lr_on_plateau and greedy, which need a measure to follow.
    "lr_scheduler_type": (
        "linear",
        "cosine",
        "cosine_with_min_lr",
        "cosine_with_restarts",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "polynomial",
        "warmup_stable_decay",
    ),
    # Those of torch, and those of bitsandbytes with less memory; the others need further packages.
    "optim": (
        "adamw_torch_fused",
        "adamw_torch",
        "adafactor",
        "sgd",
        "adagrad",
        "rmsprop",
        "adamw_8bit",
        "paged_adamw_8bit",
        "paged_adamw_32bit",
        "lion_8bit",
        "paged_lion_8bit",
    ),
    "dtype": ("auto", "bfloat16", "float16", "float32"),
    "attn_implementation": ("eager", "sdpa", "flash_attention_2", "flex_attention", *_KERNELS),
    "torch_compile_backend": ("inductor", "aot_eager", "eager"),
    "torch_compile_mode": ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"),
    # Not: best, which needs a measure and saves only when it is better.
    "save_strategy": ("no", "steps", "epoch"),
    "lora_task_type": ("CAUSAL_LM", "SEQ_CLS"),
    "bnb_4bit_quant_type": ("nf4", "fp4"),
    "bnb_4bit_quant_storage": ("uint8", "bfloat16", "float16", "float32"),
    "pad_to_multiple_of": ("auto", "8", "16", "32", "64", "128"),
    # What TRL's trainers measure on held-out rows; another name would end the run at its first evaluation.
    "metric_for_best_model": ("eval_loss", "loss"),
    # Not: warnings and less only, which would hide what the log is for.
    "log_level": ("detail", "debug", "info", "warning", "passive"),
    "f_divergence_type": ("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"),
    "cache_implementation": ("dynamic", "static", "offloaded", "offloaded_static"),
    "importance_sampling_level": ("token", "sequence"),
    "multi_objective_aggregation": ("sum_then_normalize", "normalize_then_sum"),
    "scale_rewards": ("group", "batch", "none"),
}
CHOICES_OF: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("sft", "loss_type"): ("nll", "dft"),
    ("dpo", "loss_type"): tuple(_DPO_LOSSES),
    ("kto", "loss_type"): ("kto", "apo_zero_unpaired"),
    ("grpo", "loss_type"): ("dapo", "grpo", "dr_grpo", "bnpo", "cispo", "sapo", "luspo", "vespo"),
}

HOLDS: Mapping[str, Holds] = {
    "reward_funcs": "rewards",
    "reward_model_name_or_path": "repository",
    "teacher_model_name_or_path": "repository",
    "lora_target_modules": "modules",
    "lora_target_parameters": "modules",
    "lora_modules_to_save": "modules",
    "eos_token": "token",
}

# The keys that a JSON object may have. Whatever else these libraries take could name files, templates or code.
KEYS: Mapping[str, tuple[str, ...]] = {
    "lr_scheduler_kwargs": (
        *("min_lr", "min_lr_rate", "num_cycles", "power", "lr_end", "timescale"),
        *("num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio"),
    ),
    "activation_checkpointing_kwargs": ("use_reentrant",),
    "generation_kwargs": (
        # Not: num_beams and the like, which multiply the memory that a run needs.
        *("do_sample", "min_new_tokens", "length_penalty", "no_repeat_ngram_size", "typical_p"),
        *("epsilon_cutoff", "eta_cutoff", "suppress_tokens", "begin_suppress_tokens", "top_h"),
    ),
    "chat_template_kwargs": ("enable_thinking", "thinking", "reasoning_effort", "thinking_budget"),
}

# TRL takes "no limit" or "as TRL likes" here. What a run needs could then not be known before it starts.
NEVER_NONE = frozenset({"max_length", "max_completion_length", "num_generations", "dtype", "activation_checkpointing"})

# TRL means something by leaving these unset: what it does then.
DECIDED_LATER: Mapping[str, bool] = {"bf16": True, "activation_checkpointing": True}
