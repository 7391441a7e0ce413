"""Whatever is chosen and however little is known: every check answers, and what it offers can be done."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given as from_all
from hypothesis import settings
from hypothesis import strategies as st

from tests.unit.cases import ADA, CPU, DATASET, MACHINES, MODEL, NOW, QWEN_CONFIG, T4, sample
from tests.unit.check_cases import ROWS, SITUATIONS, TEACHER
from tests.unit.strategies import ROWS as ANY_ROWS
from trl_space import formats
from trl_space.checks import Facts, blocking, launch_label, run_checks
from trl_space.facts import ModelFacts, Organisation, SplitFacts, TargetFacts
from trl_space.licences import NAMED, TABLE
from trl_space.presets import choose
from trl_space.recipe import Recipe
from trl_space.trainers import TRAINERS
from trl_space.ui.form import mended

maybe = st.none() | st.booleans()
LICENCES = st.none() | st.sampled_from([*TABLE, "other", "unknown", "", "mit, gemma", "what"])
JUNK = (
    st.none()
    | st.integers(-5, 10**9)
    | st.text(max_size=5)
    | st.dictionaries(st.text(max_size=3), st.none(), max_size=2)
)
CONFIG = st.none() | st.dictionaries(
    st.sampled_from(
        [
            *("model_type", "quantization_config", "auto_map", "is_encoder_decoder", "vocab_size", "hidden_size"),
            *("num_hidden_layers", "id2label", "num_labels", "peft_type", "text_config", "max_position_embeddings"),
        ]
    ),
    JUNK,
    max_size=5,
).map(lambda wild: {**QWEN_CONFIG, **wild})
MODELS = st.none() | st.builds(
    ModelFacts,
    id=st.sampled_from([MODEL.id, TEACHER.id, "acme/x"]),
    gated=st.booleans(),
    private=st.booleans(),
    access=st.sampled_from(["ok", "gated", "unknown"]),
    params=st.none() | st.integers(1, 10**12),
    dtypes=st.dictionaries(st.sampled_from(["BF16", "F32", "I8", "odd"]), st.integers(0, 10**11), max_size=2),
    config=CONFIG,
    architectures=st.sampled_from([(), ("Qwen3ForCausalLM",), ("Qwen3ForSequenceClassification",), ("X",)]),
    library_name=st.sampled_from([None, "peft", "transformers", "diffusers"]),
    license=LICENCES,
    license_name=st.none() | st.sampled_from([*NAMED, "own"]),
    weights=st.sampled_from([None, "safetensors", "pytorch", "gguf", "adapter", "diffusion", "none"]),
    chat_template=maybe,
    tokenizer=st.sampled_from([None, "", "a", "b"]),
    base_model=st.sampled_from([None, MODEL.id, "not a name", "acme/base"]),
    checkpoint=maybe,
    left_by=st.sampled_from([None, "sft", "dpo", "odd"]),
)
SPLITS = st.lists(
    st.builds(
        SplitFacts,
        st.sampled_from(["default", "b"]),
        st.sampled_from(["train", "test"]),
        st.none() | st.integers(0, 10**7),
        st.none() | st.integers(0, 10**12),
    ),
    max_size=3,
).map(tuple)
DATASETS = st.none() | st.builds(
    lambda **some: replace(DATASET, **some),
    gated=st.booleans(),
    private=st.booleans(),
    access=st.sampled_from(["ok", "gated", "unknown"]),
    license=LICENCES,
    splits=SPLITS,
)
ROLES = st.sampled_from([None, "admin", "write", "contributor", "read", "no_access", "odd"])
ACCOUNTS = st.none() | st.builds(
    lambda role, pays, own, scopes, expires: replace(
        ADA, orgs=(Organisation("acme", "Acme", role, pays),), can_pay=own, scopes=scopes, expires_at=expires
    ),
    ROLES,
    maybe,
    maybe,
    st.none() | st.frozensets(st.sampled_from(["jobs", "contribute-repos", "read-repos", "gated-repos"])),
    st.sampled_from([None, NOW, ADA.expires_at]),
)
TARGETS = st.none() | st.builds(
    TargetFacts, st.just("ada/x"), maybe, st.sampled_from([None, "nothing", "claim", "model"]), maybe, maybe
)
SETTINGS = {
    "use_peft": st.booleans(),
    "load_in_4bit": st.booleans(),
    "load_in_8bit": st.booleans(),
    "bf16": st.booleans(),
    "fp16": st.booleans(),
    "dtype": st.sampled_from(["auto", "bfloat16", "float16", "float32"]),
    "optim": st.sampled_from(["adamw_torch", "adamw_8bit", "adafactor", "paged_adamw_8bit"]),
    "attn_implementation": st.sampled_from(["sdpa", "flash_attention_2", "kernels-community/flash-attn2"]),
    "per_device_train_batch_size": st.integers(1, 9),
    "test_split_size": st.floats(0.01, 0.5),
    "eval_strategy": st.sampled_from(["no", "steps", "epoch"]),
    "save_total_limit": st.integers(1, 3),
    "save_strategy": st.sampled_from(["no", "steps", "epoch"]),
    "load_best_model_at_end": st.booleans(),
    "num_train_epochs": st.floats(0.1, 100),
}
MORE = {"rewards": {"reward_funcs": ("right_answer",)}, "teacher": {"teacher_model_name_or_path": TEACHER.id}}


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    trainer = draw(st.sampled_from(sorted(TRAINERS)))
    chosen = draw(st.fixed_dictionaries({}, optional=SETTINGS))
    for need in TRAINERS[trainer].needs:
        chosen |= MORE[need] if draw(st.booleans()) else {}
    return Recipe(
        model=draw(st.sampled_from(["", "no name", MODEL.id])),
        dataset=draw(st.sampled_from(["", "no name", DATASET.id])),
        subset=draw(st.sampled_from(["", "default", "gone"])),
        split=draw(st.sampled_from(["", "train", "gone", "train[:10%]+test", "[", "+"])),
        rows=draw(st.none() | st.integers(1, 10**6)),
        trainer=trainer,
        settings=chosen,
        mapping=draw(st.sampled_from([{}, {"style": "text"}, {"prompt": "gone"}])),
        flavor=draw(st.sampled_from(["", "gone", *(machine.flavor for machine in MACHINES)])),
        timeout=draw(st.integers(1, 7 * 24 * 3600)),
        namespace=draw(st.sampled_from(["", "ada", "acme", "others"])),
        hub_model_id=draw(st.sampled_from(["", "x", "acme/x", "grace/x", "a b", "Llama-x"])),
        private=draw(st.booleans()),
        resume=draw(st.sampled_from(["", "ada/earlier", "grace/earlier"])),
        image=draw(st.sampled_from(["", "trl"])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Recipe, Facts]:
    """A recipe and facts of which any may be strange or missing."""
    recipe, model = draw(recipes()), draw(MODELS)
    rows = draw(st.none() | st.sampled_from(list(ROWS.values())) | ANY_ROWS)
    machine = next((one for one in MACHINES if one.flavor == recipe.flavor), None)
    known = Facts(
        model=model,
        dataset=draw(DATASETS),
        sample=None if rows is None else sample(*rows),
        format=None if rows is None else formats.inspect(list(rows)),
        machine=draw(st.sampled_from([machine, machine, None, replace(CPU, disk_gb=None), replace(T4, vram_gb=None)])),
        account=draw(ACCOUNTS),
        preset=draw(st.sampled_from([None, choose(recipe, model, machine)])),
        target=draw(TARGETS),
        sibling=draw(st.sampled_from([None, "acme/chat", "no name"])),
        machines=draw(st.sampled_from([(), MACHINES])),
        now=NOW,
        teacher=draw(MODELS),
        reward_model=draw(MODELS),
        resume=draw(MODELS),
    )
    return recipe, known


def sound(recipe: Recipe, facts: Facts) -> None:
    """What holds of every answer."""
    checks = run_checks(recipe, facts)
    ids = [check.id for check in checks]
    assert len(ids) == len(set(ids)), ids
    first = blocking(checks)
    assert (launch_label(checks) == "Start training") == (first is None)
    for check in checks:
        assert check.title and check.reason
        fix = check.fix
        if fix is None:
            continue
        assert (fix.kind == "link") == bool(fix.url) and (fix.kind == "focus") == bool(fix.target), fix
        if fix.kind == "set":
            changed = mended(recipe, fix.changes)
            assert changed != recipe, (check, "changes nothing")
            # Facts about a model, a machine or the text at an address follow the recipe; those of this world are still
            # of the old one.
            there = replace(facts, script=None) if changed.script.url != recipe.script.url else facts
            after = {one.id for one in run_checks(changed, there)}
            if not {"model", "flavor"} & set(fix.changes):
                assert check.id not in after, check


@settings(max_examples=150, deadline=None)
@from_all(worlds())
def test_every_check_answers_whatever_there_is(world):
    sound(*world)


@settings(max_examples=80, deadline=None)
@from_all(st.sampled_from(SITUATIONS), st.data())
def test_any_fact_may_be_missing(one, data):
    """Good facts with some of them taken away: nothing raises, and nothing that is missing is called fine."""
    names = [field.name for field in fields(Facts) if field.default is None and field.name != "now"]
    gone = data.draw(st.sets(st.sampled_from(names), max_size=4))
    sound(one.recipe, replace(one.facts, **dict.fromkeys(gone)))


# Which facts each good answer rests on: without any of them it must not be given.
RESTS_ON = {
    "model_fine": ["model"],
    "rows_fine": ["dataset", "format"],
    "machine_fine": ["model", "machine"],
    "disk_fine": ["model", "machine", "dataset"],
    "licence_fine": ["model"],
    "data_licence_fine": ["dataset"],
    "teacher_fine": ["model", "teacher"],
    "judge_fine": ["reward_model"],
    "rewards_fine": ["format"],
    "resume_fine": ["resume", "account"],
    "target_fine": ["target", "account"],
}


def test_nothing_is_fine_without_what_it_rests_on():
    for one in SITUATIONS:
        for name in RESTS_ON.get(one.id, ()):
            said = run_checks(replace(one.recipe, rows=None), replace(one.facts, **{name: None}))
            assert one.id not in {check.id for check in said}, (one.id, name)
    assert set(RESTS_ON) <= {one.id for one in SITUATIONS}
