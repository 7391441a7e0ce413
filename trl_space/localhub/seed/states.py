"""Where each check of the page can be seen in the demo: which link, and signed in as whom.

    for state in STATES:
        state.check, state.link, state.who, state.how

`python -m trl_space.localhub.seed.states > docs/demo-states.md` writes the table anew. A test opens every state and
looks for its check, and another one looks whether each check has a state.
"""

from __future__ import annotations

from dataclasses import dataclass

from .script_states import LINKS

GOOD, CHATS = "demo/tiny-qwen3", "demo/dates-chat"


@dataclass(frozen=True)
class State:
    """One state: what the address asks for, who is signed in ("" for nobody), and what else is to be done.

    `limits` are those of the sign-in, as the demo's consent page offers them (`oauth_page.LIMITS`); `fault` is a path
    at which the Hub has to fail with that status, which no visitor of the demo can make it do.
    """

    check: str
    link: str
    who: str = "ada"
    limits: tuple[str, ...] = ()
    fault: tuple[str, int] | None = None

    @property
    def how(self) -> str:
        """What is to be done beside opening the link, in words; "" for nothing."""
        words = ["ends after ten minutes" if one == "short" else f"without the scope {one}" for one in self.limits]
        return " and ".join(words) and f"a sign-in that {' and '.join(words)}".replace("that without", "without")


def _sft(check: str, more: str = "", model: str = GOOD, dataset: str = CHATS, **options) -> State:
    link = f"model={model}&dataset={dataset}&split=train" + (f"&{more}" if more else "")
    return State(check, link, **options)


def _goal(check: str, trainer: str, dataset: str, more: str = "", model: str = GOOD) -> State:
    return _sft(check, f"trainer={trainer}" + (f"&{more}" if more else ""), model, dataset)


def _resume(check: str, name: str, more: str = "", who: str = "mary") -> State:
    return _sft(check, f"resume={name}" + (f"&{more}" if more else ""), who=who)


_GRPO = ("grpo", "demo/units-solutions")
_RIGHT = "reward_funcs=right_answer"

STATES = (
    # the model
    State("model_missing", "dataset=demo/dates-chat&split=train"),
    _sft("model_gone", model="demo/nothing-of-this-name"),
    _sft("model_gated", model="demo/tiny-gated", who="grace"),
    _sft("model_gated_unknown", model="demo/tiny-gated", who=""),
    _sft("model_adapter", model="quirks/adapter-only"),
    _sft("model_compressed", model="quirks/compressed"),
    _sft("model_gguf", model="quirks/gguf-only"),
    _sft("model_diffusion", model="quirks/pictures-only"),
    _sft("model_weights", model="quirks/empty-model"),
    _sft("model_kind", model="quirks/fills-gaps"),
    _sft("model_code", model="quirks/own-code"),
    _sft("model_code_words", model="quirks/own-words"),
    _sft("model_fine"),
    _sft("model_unread", model="demo/tiny-qwen3-base", fault=(r"/api/models/demo/tiny-qwen3-base", 503)),
    _sft("model_forbidden", model="demo/tiny-qwen3-base", fault=(r"/api/models/demo/tiny-qwen3-base", 403)),
    _sft("model_gated_scope", model="demo/tiny-gated", limits=("gated-repos", "read-repos")),
    _sft("model_judge", model="quirks/judge"),
    _sft("model_config", model="quirks/no-config"),
    _sft("model_translates", model="quirks/translates"),
    _goal("model_no_judge", "reward", "demo/units-preference", model="quirks/no-judge"),
    _sft("model_kind_unknown", model="quirks/kind-unknown"),
    # its licence, and that of the data
    _sft("licence_fine"),
    _sft("licence_none", model="quirks/no-licence"),
    _sft("licence_other", model="quirks/other-licence"),
    _sft("licence_no_sharing", "private=false", model="quirks/no-sharing"),
    _sft("licence_unshared", model="quirks/no-sharing"),
    _sft("licence_name", "private=false&hub_model_id=mine", model="quirks/llama-licence"),
    _sft("licence_research", model="quirks/non-commercial"),
    _sft("licence_asks", "private=false", model="quirks/gemma-licence"),
    _sft("data_licence_fine"),
    _sft("data_licence_none", dataset="quirks/no-licence-rows"),
    _sft("data_licence_other", dataset="quirks/other-licence-rows"),
    _sft("data_licence_research", dataset="quirks/research-rows"),
    _sft("data_licence_no_sharing", "private=false", dataset="quirks/no-sharing-rows"),
    _sft("data_licence_asks", "private=false", dataset="quirks/share-alike-rows"),
    # the dataset
    State("dataset_missing", "model=demo/tiny-qwen3"),
    _sft("dataset_gone", dataset="mary/private-dates"),
    _sft("dataset_gated", dataset="quirks/gated-dates", who="grace"),
    _sft("dataset_gated_unknown", dataset="quirks/gated-dates", who=""),
    _sft("dataset_unread", dataset="demo/dates-text", fault=(r"/api/datasets/demo/dates-text", 503)),
    _sft("dataset_forbidden", dataset="demo/dates-text", fault=(r"/api/datasets/demo/dates-text", 403)),
    State("split_missing", "model=demo/tiny-qwen3&dataset=demo/dates-chat"),
    State("subset_missing", "model=demo/tiny-qwen3&dataset=demo/two-subsets&split=train"),
    _sft("subset_gone", "subset=nothing", dataset="demo/two-subsets"),
    _sft("dataset_gated_scope", dataset="quirks/gated-dates", limits=("gated-repos", "read-repos")),
    _sft("rows_count_unknown", dataset="quirks/broken"),
    _sft("rows_fewest", "rows=1"),
    _sft("split_gone", dataset="quirks/only-test"),
    _sft("rows_fine"),
    _sft("rows_mapped", dataset="demo/units-alpaca"),
    _sft("rows_some", dataset="quirks/some-empty"),
    _sft("rows_useless", dataset="quirks/all-empty"),
    _sft("rows_unfit", dataset="quirks/weather"),
    _goal("rows_goal", "dpo", CHATS),
    _sft("rows_goal", dataset="quirks/only-questions"),
    _sft("rows_choices", "map.messages=nothing", dataset="demo/units-prompt-completion"),
    _sft("rows_chosen", dataset="demo/units-preference"),
    _sft("rows_good", dataset="demo/dates-feedback"),
    _sft("rows_rated", dataset="quirks/rated-answers"),
    _sft("rows_few", dataset="quirks/few-rows"),
    _sft("rows_long", dataset="quirks/long-rows"),
    _sft("rows_long_guess", model="quirks/no-words", dataset="quirks/endless-rows"),
    _sft("rows_none", dataset="quirks/no-rows"),
    _sft("rows_beyond", "max_length=4000", dataset="quirks/endless-rows"),
    _sft("rows_unknown", dataset="quirks/broken"),
    _sft("model_pictures", dataset="demo/shapes-pictures"),
    _goal("one_label_all", "kto", "quirks/thumbs-up"),
    _goal("one_label", "kto", "quirks/thumbs-up-first"),
    _goal("answers_same", "dpo", "quirks/some-same"),
    _goal("answers_same_all", "dpo", "quirks/same-answers"),
    # conversations
    _sft("template_text", model="quirks/no-template", dataset="demo/units-alpaca"),
    _sft("template_sibling", model="quirks/tiny-answer"),
    _sft("template_missing", model="quirks/no-template"),
    _goal("template_missing", "grpo", "demo/units-solutions", _RIGHT, model="quirks/no-template"),
    _sft("template_refuses", model="quirks/strict", dataset="quirks/with-system"),
    _sft("template_empty", model="quirks/speechless"),
    _sft("roles_dropped", model="quirks/no-system", dataset="quirks/with-system"),
    _sft("answers_only", "assistant_only_loss=true", dataset="demo/units-prompt-completion"),
    _sft("answers_unmarked", "assistant_only_loss=true", model="quirks/no-system"),
    # copying, scoring
    _goal("teacher_missing", "distillation", "demo/units-solutions"),
    *(
        _goal(check, "distillation", "demo/units-solutions", f"teacher_model_name_or_path={teacher}")
        for check, teacher in (
            ("teacher_same", GOOD),
            ("teacher_gone", "demo/nothing-of-this-name"),
            ("teacher_kind", "quirks/adapter-only"),
            ("teacher_vocabulary", "quirks/eight-billion"),
            ("teacher_unknown", "quirks/empty-vocabulary"),
            ("teacher_words", "quirks/other-words"),
            ("teacher_fine", "demo/tiny-qwen3-teacher"),
            ("teacher_small", "quirks/smaller"),
        )
    ),
    _goal("rewards_fine", *_GRPO, _RIGHT),
    _goal("rewards_unknown", "grpo", "quirks/broken", _RIGHT),
    _goal("rewards_missing", *_GRPO, "reward_funcs=none"),
    _goal("rewards_weights", *_GRPO, "reward_funcs=right_answer,length:2-20&reward_weights=1,1,1"),
    _goal("rewards_nothing", *_GRPO, f"{_RIGHT}&reward_weights=0"),
    _goal("rewards_column", "grpo", "quirks/only-questions", _RIGHT),
    _goal("rewards_gaps", "grpo", "quirks/some-solutions", _RIGHT),
    *(
        _goal(check, *_GRPO, f"reward_funcs=none&reward_model_name_or_path={judge}")
        for check, judge in (
            ("judge_gone", "demo/nothing-of-this-name"),
            ("judge_kind", GOOD),
            ("judge_outputs", "quirks/judge-of-kinds"),
            ("judge_template", "quirks/judge-of-texts"),
            ("judge_fine", "quirks/judge"),
        )
    ),
    # settings
    _goal("generations", *_GRPO, f"{_RIGHT}&num_generations=7"),
    _goal("generation_batch", *_GRPO, f"{_RIGHT}&generation_batch_size=33"),
    _goal("generation_both", *_GRPO, f"{_RIGHT}&generation_batch_size=32&steps_per_generation=1"),
    _goal("generations_eval", *_GRPO, f"{_RIGHT}&test_split_size=0.1&eval_strategy=epoch&per_device_eval_batch_size=3"),
    _goal("rows_step", *_GRPO, f"{_RIGHT}&rows=5&per_device_train_batch_size=64"),
    _goal("kto_batch", "kto", "demo/dates-feedback", "per_device_train_batch_size=1"),
    _sft("two_formats", "bf16=true&fp16=true"),
    _sft("compressed_twice", "load_in_4bit=true&load_in_8bit=true&use_peft=true"),
    _sft("compressed_half", "load_in_4bit=true&use_peft=true&fp16=true&bf16=false&flavor=l4x1"),
    _sft("compressed_half_old", "load_in_8bit=true&use_peft=true&flavor=t4-small"),
    _sft("format_old", "bf16=true&flavor=t4-small"),
    _sft("format_cpu", "bf16=true&flavor=cpu-basic"),
    _sft("attention_kernels", "attn_implementation=kernels-community/flash-attn2&flavor=l4x1"),
    _sft("attention_missing", "attn_implementation=flash_attention_2&flavor=l4x1"),
    _sft("attention_old", "attn_implementation=flash_attention_2&flavor=t4-small"),
    _sft("optimiser_cpu", "optim=adamw_8bit&flavor=cpu-basic"),
    _sft("compressed_full", "load_in_4bit=true&use_peft=false"),
    _sft("half_full", "fp16=true&dtype=float16"),
    _sft("packing_pictures", "packing=true", model="quirks/sees", dataset="demo/shapes-pictures"),
    _sft("held_out", "eval_strategy=epoch"),
    _sft("held_out_few", "rows=8&test_split_size=0.05"),
    _sft("best_model", "load_best_model_at_end=true"),
    _sft("best_apart", "load_best_model_at_end=true&test_split_size=0.1&eval_strategy=epoch"),
    _sft("steps_whole", "logging_steps=1.5"),
    # preset, machine, time
    _sft("preset_gone", "preset=sft-of-last-year"),
    _sft("preset_size", "preset=sft-careful-full-70b-x8"),
    _sft("machine_gone", "flavor=abacus"),
    _sft("machine_missing", model="quirks/unknown-size"),
    _sft("machine_unknown", "flavor=t4-small", model="quirks/unknown-size"),
    _sft("machine_small", "flavor=t4-small&use_peft=false&load_in_4bit=false", model="quirks/eight-billion"),
    _sft("machine_tight", "flavor=l4x1&use_peft=true&load_in_4bit=false", model="quirks/eight-billion"),
    _sft("disk_small", "flavor=t4-small&use_peft=false", model="quirks/eight-billion"),
    _sft("disk_part_unknown", "flavor=t4-small", model="quirks/unknown-size"),
    _sft("disk_fine", "flavor=cpu-basic"),
    _sft("time_unknown", "flavor=t4-small", model="quirks/unknown-size"),
    _sft("machine_fine", "flavor=cpu-basic"),
    _sft("compressed_cpu", "flavor=cpu-basic&use_peft=true&load_in_4bit=true"),
    _sft("compressed_old", "flavor=t4-small&use_peft=true&load_in_4bit=true"),
    _sft("time_short", "flavor=cpu-basic&timeout=1m"),
    _sft("time_near", "flavor=cpu-basic&timeout=150s"),
    # the result, who pays, the sign-in
    _sft("target_name", "hub_model_id=no good name"),
    _sft("target_owner", "hub_model_id=grace/mine"),
    _sft("result_public", "private=false", dataset="mary/private-dates", who="mary"),
    _sft("target_taken", "hub_model_id=dates-model", who="mary"),
    _sft("target_forbidden", "hub_model_id=library/mine", who="mary"),
    _sft("target_fine", "hub_model_id=free-name"),
    _sft("payer", "namespace=demo"),
    _sft("payer_role", "namespace=library", who="mary"),
    # what a link asks for
    _sft("link_payer", "namespace=acme"),
    _sft("link_public", "private=false"),
    _sft("link_target", "hub_model_id=acme/mine"),
    _resume("link_resume", "mary/unfinished"),
    _sft("owner_alike", model="Owen/Qwen3-0.6B"),
    _sft("ceiling", "flavor=l4x1&max_usd=0.5"),
    _sft("ceiling_fine", "flavor=l4x1&max_usd=0.8"),
    _sft("pay_unknown", limits=("read-billing",)),
    _sft("pay", who="mary"),
    _sft("scope_jobs", limits=("jobs",)),
    _sft("scope_repos", limits=("contribute-repos",)),
    _sft("token_short", "timeout=1h", limits=("short",)),
    _sft("sign_in", who=""),
    # going on with an earlier run
    _resume("resume_fine", "mary/unfinished"),
    _resume("resume_gone", "mary/nothing-of-this-name"),
    _resume("resume_owner", "mary/unfinished-public", who="grace"),
    State("resume_model", f"model=demo/tiny-qwen3-beginner&dataset={CHATS}&split=train&resume=mary/unfinished", "mary"),
    _resume("resume_nothing", "mary/dates-model"),
    _resume("resume_goal", "mary/unfinished-dpo"),
    _resume("resume_public", "mary/unfinished-public"),
    # one's own script
    *(State(check, link) for check, link in LINKS),
)

# Checks that have no state of their own, and why.
NOWHERE = {
    "target_claimed": "between a launch and what it saves first",
    "disk_tight": "on a machine of just that size",
    "payer_role_unknown": "a sign-in that does not tell roles, which the demo's Hub always does",
    "scope_unknown": "with a token that was not got by signing in",
    "token_unknown": "with a token that was not got by signing in",
    "teacher_licence": "a teacher with such a licence and of another family",
    "teacher_research": "a teacher with such a licence",
    **{
        f"{name}_unknown": "while the Hub fails in part"
        for name in (
            *("answers_unmarked", "disk", "judge_template", "judge", "model_weights", "target"),
            *("split", "target_write", "teacher_words"),
        )
    },
    "rewards_packages": "no score that is built in needs a package",
    "scope_private": "without that right the Hub says that a private repository is not there",
    "target_locked": "a repository that another program made, and that holds nothing yet",
    "target_public": "a repository that a launch left empty and that was made public since",
    "target_private": "a repository that a launch left empty",
    "rows_no_answer": "another goal takes questions alone, and is offered in its place",
    "trainer": "every goal can be started",
    "token_expired": "the page asks for a new sign-in before it comes to that",
    "machine_reading": "while the machines are being read",
    "account_unread": "the account is kept for five minutes",
    "machine_unread": "the list of machines is the same for all states, and kept for ten minutes",
    "resume_unknown": "the Hub always lists the files of a model that can be read",
    "model_pictures_unknown": "while nothing is known about a model",
    "template_unknown": "only for a tokenizer file that is none",
    "script_page": "an address that shows a page is not read; only for one that was pasted",
    "script_secrets": "the page takes the names from the script's header, and asks for their values",
}
# These endings are of checks for every repository that a recipe names; the model and the dataset have their states.
ALIKE = ("_reading", "_unread", "_forbidden", "_gated", "_gated_scope", "_gated_unknown", "_name")


def table() -> str:
    """`docs/demo-states.md`."""
    lines = [
        "# Where to see each check",
        "",
        "`make demo`, sign in, and open the page with the link. Repositories of `quirks` and of Mary are made for",
        "this. Mary cannot pay, her organisation lab can, and in library she may only read. Where the table names a",
        "sign-in, the consent page of the demo's Hub offers it. Written by `python -m trl_space.localhub.seed.states`.",
        "",
        "| check | as | link | |",
        "|---|---|---|---|",
    ]
    for one in STATES:
        what = one.how or (f"the Hub fails with {one.fault[1]} (tests only)" if one.fault else "")
        lines.append(f"| {one.check} | {one.who or 'nobody'} | `?{one.link}` | {what} |")
    lines += ["", "Without a state of their own:", ""]
    lines += [f"- {name}: {why}" for name, why in NOWHERE.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
