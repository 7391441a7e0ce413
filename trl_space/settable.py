"""Which of TRL's arguments a recipe may set, and why the others may not be set.

Every argument stands in exactly one of the two tables; one that stands in neither, because a new TRL brought it,
cannot be set until somebody decides, and a test says so. The rule: what can only make a training better or worse
may be set. What names a file, an address, a repository or an account, loads code, hands whole objects to other
libraries, reports elsewhere, or says what the page and the worker say themselves, may not.
"""

from __future__ import annotations

from collections.abc import Mapping

SETTABLE: frozenset[str] = frozenset(
    """
    num_train_epochs max_steps learning_rate lr_scheduler_type lr_scheduler_kwargs warmup_steps
    per_device_train_batch_size gradient_accumulation_steps optim weight_decay adam_beta1 adam_beta2 adam_epsilon
    max_grad_norm label_smoothing_factor neftune_noise_alpha average_tokens_across_devices seed data_seed
    full_determinism train_sampling_strategy shuffle_dataset

    bf16 fp16 bf16_full_eval fp16_full_eval tf32 dtype attn_implementation activation_checkpointing
    activation_checkpointing_kwargs activation_offloading torch_compile torch_compile_backend torch_compile_mode
    torch_empty_cache_steps auto_find_batch_size use_cache

    use_peft lora_r lora_alpha lora_dropout lora_target_modules lora_target_parameters lora_modules_to_save
    lora_task_type use_rslora use_dora load_in_4bit load_in_8bit bnb_4bit_quant_type use_bnb_nested_quant
    bnb_4bit_quant_storage

    logging_strategy logging_steps logging_first_step logging_nan_inf_filter log_level log_level_replica
    log_completions log_multimodal log_unique_prompts num_completions_to_print
    save_strategy save_steps save_total_limit save_only_model load_best_model_at_end metric_for_best_model
    greater_is_better

    test_split_size eval_strategy eval_steps eval_delay eval_on_start eval_accumulation_steps
    per_device_eval_batch_size eval_packing

    dataloader_drop_last dataloader_num_workers dataloader_pin_memory dataloader_persistent_workers
    dataloader_prefetch_factor dataloader_multiprocessing_context dataloader_in_order dataset_num_proc
    ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph ddp_timeout

    max_length packing packing_strategy padding_free pad_to_multiple_of eos_token completion_only_loss
    assistant_only_loss loss_type router_aux_loss_coef disable_dropout

    beta label_smoothing ld_alpha f_divergence_type f_alpha_divergence_coef discopop_tau loss_weights use_weighting
    precompute_ref_log_probs precompute_ref_batch_size sync_ref_model ref_model_mixup_alpha ref_model_sync_steps
    desirable_weight undesirable_weight center_rewards_coefficient

    reward_funcs reward_weights reward_model_name_or_path teacher_model_name_or_path

    num_generations num_generations_eval max_completion_length generation_batch_size steps_per_generation
    num_iterations temperature top_p top_k min_p repetition_penalty generation_kwargs chat_template_kwargs
    cache_implementation use_transformers_continuous_batching ds3_gather_for_generation max_tool_calling_iterations
    mask_truncated_completions

    epsilon epsilon_high delta importance_sampling_level multi_objective_aggregation scale_rewards
    normalize_advantages reward_clip_range top_entropy_quantile entropy_coef use_adaptive_entropy entropy_coef_min
    entropy_coef_max entropy_coef_delta entropy_target off_policy_mask_threshold use_bias_correction_kl
    cast_lm_head_to_fp32 sapo_temperature_neg sapo_temperature_pos vespo_k_pos vespo_lambda_pos vespo_k_neg
    vespo_lambda_neg
    """.split()
)

# Reason, as it follows the argument's name in a sentence, and the arguments it is for.
_REASONS: tuple[tuple[str, str], ...] = (
    (
        "is set by this page",
        "output_dir model_name_or_path model_revision teacher_model_revision do_train do_eval do_predict disable_tqdm",
    ),
    (
        "is set by this page, which reads and prepares the rows",
        """dataset_name dataset_config dataset_train_split dataset_test_split dataset_streaming datasets streaming
        dataset_text_field dataset_kwargs remove_unused_columns length_column_name""",
    ),
    (
        "is set by this page, so that the result is always saved and only where it should be",
        """push_to_hub hub_model_id hub_strategy hub_private_repo hub_always_push hub_revision save_on_each_node
        enable_jit_checkpoint log_completions_hub_repo""",
    ),
    ("is a secret, and a recipe holds none", "hub_token"),
    (
        "is set by this page, which shows the numbers itself",
        """report_to run_name project trackio_space_id trackio_bucket_id trackio_static_space_id log_on_each_node
        include_num_input_tokens_seen""",
    ),
    (
        "is set by this page: to continue an earlier run, give its result as `resume`",
        "resume_from_checkpoint ignore_data_skip restore_callback_states_from_checkpoint",
    ),
    ("is never on: it would run code that came with a model", "trust_remote_code"),
    ("would read a file or another repository", "chat_template_path"),
    ("hands whatever it holds to the loading of the model", "model_init_kwargs teacher_model_init_kwargs"),
    (
        "follows from the machine",
        "use_cpu local_rank ddp_backend fsdp fsdp_config deepspeed accelerator_config parallelism_config",
    ),
    (
        "needs vLLM, which runs started here do not install",
        """use_vllm vllm_mode vllm_model_impl vllm_enable_sleep_mode vllm_structured_outputs_regex
        vllm_server_base_url vllm_server_host vllm_server_port vllm_server_timeout vllm_group_port
        vllm_gpu_memory_utilization vllm_max_model_length vllm_tensor_parallel_size
        vllm_importance_sampling_correction vllm_importance_sampling_mode vllm_importance_sampling_clip_max
        vllm_importance_sampling_clip_min vllm_importance_sampling_cap""",
    ),
    ("hands whatever it holds to the generation of text", "transformers_continuous_batching_config"),
    (
        "is for optimisers that runs started here do not install",
        "optim_args optim_target_modules",
    ),
    ("is going away: use activation_checkpointing", "gradient_checkpointing"),
    ("is going away: use activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"),
    ("is going away: TRL saves that memory by itself now", "use_liger_kernel liger_kernel_config"),
    ("is going away: use use_transformers_continuous_batching", "use_transformers_paged"),
    ("is going away, and cutting the start of a row would lose its question", "truncation_mode"),
    ("is going away: the model's own is used", "pad_token"),
    (
        "is only for programs that measure more than the loss",
        """label_names include_for_metrics batch_eval_metrics prediction_loss_only eval_do_concat_batches
        eval_use_gather_object""",
    ),
    ("is only for looking for faults in TRL itself", "debug skip_memory_metrics ignore_bias_buffers"),
)

REFUSED: Mapping[str, str] = {name: reason for reason, names in _REASONS for name in names.split()}

# What only some of the commands cannot have.
REFUSED_OF: Mapping[tuple[str, str], str] = {
    (trainer, "auto_find_batch_size"): "cannot be on where answers are compared in groups"
    for trainer in ("grpo", "rloo")
}
