"""What a script's own header adds to its run, and what somebody's choice leaves of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.script_texts import TABLES
from trl_space.recipe import Recipe
from trl_space.script import Script
from trl_space.script_defaults import complete
from trl_space.scripts.table import Table

ASKS = Table(
    flavor="a100-large", timeout="90m", image="ghcr.io/a/b", python="3.12", namespace="acme", name="mine",
    env={"SEED": "1", "MODE": "a"}, secrets=("WANDB_API_KEY",), labels={"team": "x"}, volumes=("hf://a/m:/m:ro",),
    network_group="ring",
)  # fmt: skip
TEXT = Script(text="print(1)\n")


def test_without_a_choice_everything_is_as_the_header_says():
    whole = complete(Recipe(script=TEXT), ASKS)
    recipe, script = whole.recipe, whole.recipe.script
    assert (recipe.flavor, recipe.timeout, recipe.image, recipe.namespace) == (
        "a100-large",
        5400,
        "ghcr.io/a/b",
        "acme",
    )
    assert (script.python, script.secrets, script.volumes) == ("3.12", ("WANDB_API_KEY",), ("hf://a/m:/m:ro",))
    assert dict(script.env) == {"SEED": "1", "MODE": "a"} and dict(script.labels) == {"team": "x", "name": "mine"}
    assert script.text == TEXT.text and whole.problems == () and whole.left == ("network_group",)
    assert all(counts for _, _, counts in whole.rows) and ("flavor", "a100-large", True) in whole.rows


def test_what_somebody_chose_wins():
    mine = Recipe(script=Script(text="x", env={"SEED": "2"}, python="3.13"), flavor="l4x1", timeout=600)
    whole = complete(mine, ASKS, {"timeout", "namespace"})
    assert (whole.recipe.flavor, whole.recipe.timeout, whole.recipe.namespace) == ("l4x1", 600, "")
    assert dict(whole.recipe.script.env) == {"SEED": "2", "MODE": "a"} and whole.recipe.script.python == "3.13"
    counts = {name: counts for name, _, counts in whole.rows}
    assert not any(counts[name] for name in ("flavor", "timeout", "namespace", "python", "env.SEED"))
    assert counts["env.MODE"] and counts["image"] and whole.by_script("image") and not whole.by_script("flavor")


def test_the_usual_limit_can_be_a_choice_too():
    assert complete(Recipe(script=TEXT), ASKS).recipe.timeout == 5400
    assert complete(Recipe(script=TEXT), ASKS, {"timeout"}).recipe.timeout == Recipe().timeout


def test_what_no_job_can_have_is_said_and_nothing_else_is_lost():
    whole = complete(Recipe(script=TEXT), Table(flavor="l4x1", timeout="for ever", env={"a b": "c"}))
    assert len(whole.problems) == 2 and all(one.startswith("the script's header: ") for one in whole.problems)
    assert whole.recipe == Recipe(script=TEXT, flavor="l4x1")


def test_a_command_has_no_header():
    command = Recipe(script=Script(command=("python", "-c", "1")))
    assert complete(command, ASKS).recipe == command and complete(command, ASKS).rows == ()


@given(TABLES, st.sets(st.sampled_from(["timeout", "namespace"])))
def test_a_whole_recipe_is_whole(table, said):
    """Taken together once more, nothing changes; and nothing that somebody chose is lost."""
    mine = Recipe(script=Script(text="x", secrets=("OWN",), dependencies=("numpy",)), flavor="t4-small")
    whole = complete(mine, table, said)
    again = complete(whole.recipe, table, {"timeout", "namespace"})
    assert again.recipe == whole.recipe
    assert whole.recipe.flavor == "t4-small" and "OWN" in whole.recipe.script.secrets
    assert whole.recipe.script.dependencies == ("numpy",)
    assert {name for name, _, _ in whole.rows}.isdisjoint(whole.left)
