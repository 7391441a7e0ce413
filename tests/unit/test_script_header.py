"""The header of a script is read by the rules of PEP 723, and changed line by line."""

from __future__ import annotations

import time
import tomllib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.script_texts import NAMES, TABLES, blocks_like, headers, with_header
from trl_space.scripts import block, rewrite
from trl_space.scripts.header import Header, read
from trl_space.scripts.table import Table, merge, mount_path, write_table

GUIDE = with_header("dependencies = [", '    "trl",', '    "peft",', "]", code="from datasets import load_dataset\n")


def test_a_header_is_read():
    text = with_header(
        'requires-python = ">=3.11"',
        'dependencies = ["trl==1.16.0", "Pillow"]',
        "[tool.hf-jobs]",
        'flavor = "l4x1"',
        "timeout = 5400",
        'secrets = ["HF_TOKEN"]',
        'env = {SEED = "1"}',
    )
    header = read(text)
    assert header.there and header.dependencies == ("trl==1.16.0", "Pillow") and header.names == {"trl", "pillow"}
    assert header.requires_python == ">=3.11"
    assert header.table == Table(flavor="l4x1", timeout="5400", secrets=("HF_TOKEN",), env={"SEED": "1"})
    assert not header.problem and not header.faults and not header.table_problem
    assert read("import trl\n") == Header()


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (("dependencies = [",), "not valid TOML"),
        (('dependencies = "trl"',), "must be a list"),
        (('dependencies = ["not a package"]',), "'not a package' is not a package"),
        (('requires-python = "3.11 please"',), 'a range such as ">=3.11"'),
        (("requires-python = 3.11",), "must be text"),
        (("[tool]", "hf-jobs = 1"), "must be a table"),
        (("tool = 1",), "must be a table"),
        (("[tool.hf-jobs]", "gpu = 1"), "no entry called 'gpu'; it takes image, flavor"),
        (("[tool.hf-jobs]", "flavor = 1"), "flavor in [tool.hf-jobs] must be text in quotation marks, not '1'"),
        (("[tool.hf-jobs]", "timeout = 1.5"), 'a length of time such as "30m"'),
        (("[tool.hf-jobs]", "secrets = {HF_TOKEN = 'x'}"), "never holds the secrets themselves"),
        (("[tool.hf-jobs]", "env = {A = 1}"), "env.A in [tool.hf-jobs]"),
        (("x" * 5000 + " = 1",), "too long"),
    ],
)
def test_what_is_wrong_is_a_sentence(toml, sentence):
    header = read(with_header(*toml))
    said = " ".join([header.problem, *header.faults, header.table_problem])
    assert sentence in said
    assert header.there


def test_a_problem_names_the_line_of_the_script():
    assert "in line 4" in read(with_header("a = 1", "b = 2", "c")).problem


@settings(max_examples=120, deadline=None)
@given(blocks_like() | headers() | st.text(max_size=200))
def test_any_text_can_be_read_and_its_block_rewritten_as_it_is(text):
    read(text)
    found = block.find(text)
    if found is not None:
        try:
            assert block.replaced(text, found, found.content) == text
        except ValueError as odd:
            assert "characters that end a line" in str(odd)


@settings(max_examples=120, deadline=None)
@given(headers() | blocks_like(), TABLES)
def test_a_table_goes_in_and_out_again(text, table):
    assume(text.count("\n") != 1 or text.endswith("\n"))
    try:
        bare = rewrite.without_table(text)
        made = rewrite.with_table(bare, table)
    except ValueError as sentence:
        assert "header" in str(sentence)
        return
    assert read(made).table == table
    assert rewrite.with_table(made, table) == made
    if bare.strip("\r\n") and bare.endswith(("\r", "\n")):
        assert rewrite.without_table(made) == bare
    _same_but(bare, made, "hf-jobs")


@settings(max_examples=120, deadline=None)
@given(headers() | blocks_like(), st.lists(NAMES, max_size=4, unique=True))
def test_dependencies_are_what_they_should_be_and_nothing_else_changes(text, wanted):
    try:
        made = rewrite.with_dependencies(text, wanted)
    except ValueError as sentence:
        assert "header" in str(sentence)
        return
    assert read(made).dependencies == tuple(wanted)
    _same_but(text, made, "dependencies")
    again = rewrite.with_requires_python(made, ">=3.12")
    assert read(again).requires_python == ">=3.12" and read(again).dependencies == tuple(wanted)


def _same_but(before: str, after: str, key: str) -> None:
    """All that the TOML says but for one key is as it was, and so is each line around it."""
    old, new = block.find(before), block.find(after)
    values = [tomllib.loads(one.content) if one else {} for one in (old, new)]
    for value in values:
        value.pop(key, None)
        tool = value.get("tool") or {}
        if isinstance(tool, dict):
            tool.pop(key, None)
            if not tool:
                value.pop("tool", None)
    assert values[0] == values[1]
    if old is not None and new is not None:
        lines, made = block.lines_of(before), block.lines_of(after)
        assert lines[: old.first + 1] == made[: new.first + 1] and lines[old.last :] == made[new.last :]


def test_comments_and_line_ends_stay():
    text = with_header("dependencies = [", '    "trl",  # the trainer', "    # adapters", '    "peft",', "]", "# end")
    made = rewrite.with_dependency(text, "datasets>=4")
    assert made == text.replace('#     "peft",\n', '#     "peft",\n#     "datasets>=4",\n')
    assert rewrite.with_dependency(text, "TRL==1.16.0") == text.replace('"trl"', '"TRL==1.16.0"')
    assert rewrite.without_dependency(made, "Datasets") == text
    assert rewrite.without_dependency(text, "torch") == text
    windows = text.replace("\n", "\r\n")
    assert rewrite.with_dependency(windows, "datasets>=4") == made.replace("\n", "\r\n")
    odd = text.replace("# # end", "#  # end").replace('#     "trl"', '#      "trl"')
    assert rewrite.with_dependency(odd, "datasets>=4").count("\n") == odd.count("\n") + 1


def test_a_script_without_a_header_gets_one_below_what_must_be_first():
    text = "#!/usr/bin/env -S uv run\n# -*- coding: utf-8 -*-\n# A licence.\nimport trl\n"
    made = rewrite.with_dependency(text, "trl")
    first = "#!/usr/bin/env -S uv run\n# -*- coding: utf-8 -*-\n"
    header = '# /// script\n# dependencies = [\n#     "trl",\n# ]\n# ///\n\n'
    assert made == first + header + "# A licence.\nimport trl\n"
    assert rewrite.with_dependency("import trl", "trl") == header + "import trl"
    assert read(rewrite.with_requires_python("x = 1\r\n", ">=3.11")).requires_python == ">=3.11"
    assert rewrite.with_requires_python("x = 1\n", "") == "x = 1\n"


def test_a_table_is_written_below_what_is_there():
    made = rewrite.with_table(GUIDE, Table(flavor="l4x1", secrets=("HF_TOKEN",), env={"A B": 'x"\u2028\x7f\n'}))
    assert made == GUIDE.replace(
        "# ///\n\n",
        '#\n# [tool.hf-jobs]\n# flavor = "l4x1"\n# secrets = ["HF_TOKEN"]\n#\n# [tool.hf-jobs.env]\n'
        '# "A B" = "x\\"\\u2028\\u007F\\n"\n# ///\n\n',
    )
    assert rewrite.without_table(made) == GUIDE
    assert read(made).dependencies == ("trl", "peft")
    middle = with_header("[tool.hf-jobs]", 'flavor = "x"', "", "# about uv", "[tool.uv]", "a = 1")
    assert rewrite.without_table(middle) == with_header("", "# about uv", "[tool.uv]", "a = 1")


@pytest.mark.parametrize(
    "toml", [("tool.hf-jobs.flavor = 'x'",), ("[tool]", "hf-jobs = {flavor = 'x'}"), ("tool = {hf-jobs = {}}",)]
)
def test_a_table_that_is_written_otherwise_is_left_alone(toml):
    assert read(with_header(*toml)).table is not None
    with pytest.raises(ValueError, match="change it in the text"):
        rewrite.without_table(with_header(*toml))


def test_what_is_chosen_wins_entry_by_entry():
    table = Table(
        image="a", flavor="l4x1", name="named", env={"A": "1", "B": "2"}, labels={"x": "1"}, secrets=("HF_TOKEN",),
        volumes=("hf://a/b:/data:ro", "hf://a/c:/more"), network_aliases=("one",),
    )  # fmt: skip
    chosen = Table(flavor="t4-small", env={"A": "9"}, secrets=("KEY",), volumes=("hf://x/y:/data",), labels={"x": "2"})
    merged = merge(table, chosen)
    assert (merged.table.image, merged.table.flavor) == ("a", "t4-small")
    assert merged.table.env == {"A": "9", "B": "2"} and merged.table.labels == {"x": "2", "name": "named"}
    assert set(merged.table.secrets) == {"HF_TOKEN", "KEY"}
    assert merged.table.volumes == ("hf://a/c:/more", "hf://x/y:/data")
    assert merged.sources == {
        "image": "script", "flavor": "chosen", "network_aliases": "script", "env.A": "chosen", "env.B": "script",
        "secrets.HF_TOKEN": "script", "secrets.KEY": "chosen", "labels.x": "chosen", "labels.name": "script",
        "volumes.hf://a/c:/more": "script", "volumes.hf://x/y:/data": "chosen",
    }  # fmt: skip
    with pytest.raises(ValueError, match="twice"):
        merge(table, Table(name="a", labels={"name": "b"}))


@pytest.mark.parametrize("volume", ["folder:ro", ":/data"])
def test_a_volume_says_what_and_where(volume):
    with pytest.raises(ValueError, match="volume"):
        mount_path(volume)
    assert mount_path("folder") is None and mount_path("hf://a/b@x:y/z:/data:rw") == "/data"


@settings(max_examples=80, deadline=None)
@given(TABLES)
def test_a_table_is_read_as_it_was_written(table):
    lines = write_table(table).split("\n")
    assert read(with_header(*lines)).table == table
    assert all(len(line.splitlines()) <= 1 for line in lines), "a comment could not hold it"


# Each is a megabyte. What takes the square of its length would take hours.
LONG = {
    "openers": "# /// script\n" * 80_000,
    "other openers": "# /// a\n" * 120_000,
    "comments": "#\n" * 500_000,
    "one line": "# " + "x" * 1_000_000,
    "header": "# /// script\n" + "# a = 1\n" * 120_000 + "# ///\n",
    "dots": "# /// script\n# " + "a." * 2000 + "a = 1\n# ///\n" + "#\n" * 400_000,
    "spaces": "# /// script\n" + "# " + " " * 999_000 + "\n# ///\n",
    "brackets": "# /// script\n# dependencies = " + "[" * 3000 + "\n# ///\n" + "x\r" * 400_000,
    "package": "# /// script\n# dependencies = ['" + "a" * 3900 + " !']\n# ///\n" + "\n\r" * 300_000,
    "markers": "# /// script\n# dependencies = ['a; " + "(" * 1900 + "']\n# ///\n" + "y\n" * 300_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_megabyte_is_read_in_a_moment(text):
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "toml",
    [
        ["dependencies = [", *['"trl",'] * 700, "]"],
        ["x = [", *["[],"] * 3000, "]", "dependencies = []"],
        [f"[a.b{number}]" for number in range(800)],
        [f"a.b{number} = 1" for number in range(800)],
        ["dependencies = [", *['"a[b]",'] * 2000, "]"],
    ],
    ids=["long list", "lists", "tables", "dotted", "extras"],
)
def test_a_header_is_changed_in_a_moment(toml):
    start = time.process_time()
    for change in (
        lambda text: rewrite.with_dependency(text, "peft"),
        lambda text: rewrite.with_table(text, Table(flavor="l4x1")),
        rewrite.without_table,
    ):
        try:
            change(with_header(*toml))
        except ValueError as sentence:
            assert "header" in str(sentence)
    assert time.process_time() - start < 8
