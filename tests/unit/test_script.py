"""What a run of a script says survives a link and a file, and what no job should have is refused in words."""

from __future__ import annotations

import pytest
from huggingface_hub import Volume
from huggingface_hub.cli._cli_utils import parse_volumes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.recipes import SCRIPTS, script_runs
from trl_space.recipe import Recipe, read_query
from trl_space.script import MAX_SCRIPT, Script, read_pairs, read_volume

GUIDE = Recipe(
    script=Script(
        url="https://raw.githubusercontent.com/huggingface/trl/v1.16.0/trl/scripts/sft.py",
        args=("--model_name_or_path", "Qwen/Qwen3-0.6B", "--push_to_hub"),
        dependencies=("trl", "peft >=0.1, <2"),
        python="3.12",
        env={"SEED": "1"},
        secrets=("HF_TOKEN",),
        labels={"team": "blue"},
        volumes=("hf://datasets/ada/rows:/data",),
    ),
    flavor="a100-large",
    timeout=7200,
    image="huggingface/trl",
)


def test_a_link_to_a_script_is_flat_and_readable():
    assert GUIDE.to_query() == (
        "v=1&flavor=a100-large&timeout=2h&image=huggingface/trl"
        "&script=https://raw.githubusercontent.com/huggingface/trl/v1.16.0/trl/scripts/sft.py"
        "&script_args=--model_name_or_path%20Qwen/Qwen3-0.6B%20--push_to_hub"
        "&dependencies=trl%20%27peft%3C2,%3E%3D0.1%27&python=3.12&env.SEED=1&secrets=HF_TOKEN&label.team=blue"
        "&volumes=hf://datasets/ada/rows:/data"
    )
    assert read_query(GUIDE.to_query()).recipe == GUIDE


@settings(max_examples=200, deadline=None)
@given(script_runs(SCRIPTS | st.text("ab\n\"'\\#é", max_size=50).map(lambda text: Script(text=text, sha256="0" * 64))))
def test_every_script_survives_a_file_and_all_but_its_text_a_link(recipe):
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    read = read_query(recipe.to_query())
    assert not read.unknown and not read.problems
    if not recipe.script.text:
        assert read.recipe == recipe
    assert not read.recipe.script.text


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["script", "script_args", "command", "secrets", "volumes", "env.A", "env.", "label.", "python"])
        | st.sampled_from(
            ["dependencies", "image", "model", "trainer", "learning_rate", "map.x", "timeout", "script_sha256"]
        ),
        st.text(max_size=60)
        | st.sampled_from(["https://a.b/c.py", "hf://a/b/c.py", "trl", "'", "hf://a/b:/c", "../x"]),
        max_size=6,
    )
)
def test_any_pairs_give_a_recipe_and_sentences(pairs):
    from urllib.parse import urlencode

    read = read_query(urlencode(pairs))
    again = read_query(read.recipe.to_query())
    assert again.recipe == read.recipe and not again.problems


def test_a_script_and_a_training_do_not_mix():
    read = read_query("script=https://a.org/b.py&model=a/b&learning_rate=1&flavor=l4x1&map.x=y")
    assert read.recipe == Recipe(script=Script(url="https://a.org/b.py"), flavor="l4x1")
    assert len(read.problems) == 2 and read.unknown == (("learning_rate", "1"),)
    read = read_query("model=a/b&env.SEED=1")
    assert read.recipe == Recipe(model="a/b")
    assert "for a run of a script" in read.problems[0]
    with pytest.raises(ValueError, match="takes no model"):
        Recipe(model="a/b", script=Script(url="https://a.org/b.py"))


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("url", "http://example.org/a.py", "must begin with https"),
        ("url", "https://user:pw@example.org/a.py", "not an address"),
        ("url", "https://exa mple.org/a.py", "not an address"),
        ("url", "https://еxample.org/a.py", "not an address"),  # the first letter is Cyrillic
        ("url", "javascript:alert(1)", "not an address"),
        ("url", "hf://datasets/ada/x/../../y.py", "no file on the Hub"),
        ("url", "https://a.org/hf_" + "a1B2" * 8, "token"),
        ("sha256", "ABC", "hex"),
        ("text", "a\0b", "not text"),
        ("text", "a" * (MAX_SCRIPT + 1), "longer"),
        ("args", ("a\u202eb",), "cannot be seen"),
        ("args", ("--hub_token", "hf_" + "a1B2" * 8), "token"),
        ("args", "--a b", "list"),
        ("args", ("x",) * 300, "at most"),
        ("dependencies", ("trl trl",), "not a package"),
        ("dependencies", ("--index-url=https://evil.example",), "not a package"),
        ("python", "2.7", "version"),
        ("env", {"HF_TOKEN": "x"}, "secret"),
        ("env", {"TRL_SPACE_RECIPE": "x"}, "this page"),
        ("env", {"a b": "x"}, "name of a variable"),
        ("env", {"KEY": "hf_" + "a1B2" * 8}, "token"),
        ("secrets", ("HF_TOKEN=hf_x",), "values are typed"),
        ("labels", {"trl-space": "1"}, "this page"),
        ("labels", {"a": "b c"}, "letters"),
        ("volumes", ("./here:/data",), "no volume"),
        ("volumes", ("hf://a/b:/",), "below a folder"),
        ("volumes", ("hf://a/b:/x/../etc",), "no volume"),
        ("volumes", ("hf://a/b:/x:rw",), "only be read"),
        ("volumes", ("hf://a/b:/x", "hf://a/c:/x"), "same place"),
    ],
)
def test_what_no_job_should_have_is_refused_in_words(entry, value, said):
    with pytest.raises(ValueError, match=said) as refused:
        Script(**{entry: value})
    assert "hf_a1B2" not in str(refused.value)


@pytest.mark.parametrize("image", ["a b", "../x", "https://a.org/x", "-x", "a//b", "x:y:z"])
def test_images_are_names_of_images(image):
    with pytest.raises(ValueError, match="Docker image"):
        Recipe(image=image, script=Script(url="https://a.org/b.py"))
    assert Recipe(image="trl").image == "trl"
    with pytest.raises(ValueError, match="trl or nothing"):
        Recipe(image="huggingface/trl")


@pytest.mark.parametrize(
    "text",
    [
        "hf://ada/model:/model",
        "hf://models/ada/model@v1:/model:ro",
        "hf://datasets/ada/rows/train/x:/data",
        "hf://datasets/ada/rows@refs/pr/3:/data",
        "hf://spaces/ada/app:/app",
        "hf://buckets/ada/box/out:/out:rw",
    ],
)
def test_volumes_are_read_as_the_official_client_reads_them(text):
    (theirs,) = parse_volumes([text])
    ours = read_volume(text)
    # Without ":ro" the client says nothing, and the Hub decides; here a volume is read-only unless it says otherwise.
    expected = Volume.to_dict(theirs) | {"readOnly": ours["readOnly"]}
    assert ours == {name: value for name, value in expected.items() if value is not None}


def test_a_script_is_false_until_something_is_said():
    assert not Script() and not Recipe().script and Script(dependencies=("trl",)) and not Script(python="3.12").runs
    assert read_pairs({"command": "python -c 'print(1)'"})[0].command == ("python", "-c", "print(1)")
