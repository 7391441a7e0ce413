"""A script's header is read, and put together with what is chosen, as the official client does it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from huggingface_hub.cli import _uv_script_header as client
from huggingface_hub.cli import jobs
from huggingface_hub.errors import CLIError, HfUriError
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.script_texts import JUNK, TABLES, blocks_like, headers, with_header
from trl_space.scripts import block, header, rewrite
from trl_space.scripts.table import KEYS, Table, merge, mount_path

ENTRIES = st.lists(st.tuples(st.sampled_from([*KEYS, "gpu"]), JUNK), max_size=4, unique_by=lambda pair: pair[0])


def test_the_entries_are_the_clients():
    assert client.VALID_KEYS == KEYS
    assert client.UvScriptHeader.__dataclass_fields__.keys() == Table.__dataclass_fields__.keys()


@settings(max_examples=500, deadline=None)
@given(blocks_like() | headers() | st.text(max_size=200))
def test_the_block_is_the_clients(text):
    found = block.find(text)
    assert client._extract_pep_723_block(text) == (found.content if found else None)


@pytest.mark.parametrize(
    ("lines", "content"),
    [
        (["# /// script", "# a = 1", "# ///", "# b = 2", "# ///"], "a = 1\n///\nb = 2\n"),
        (["# /// script", "# ///", "# ///"], "///\n"),
        (["# /// script", "# ///"], None),
        (["# /// script", "#x", "# ///"], None),
        (["# /// other", "# a", "# ///", "# /// script", "# b", "# ///"], None),
        (["# /// other", "# a", "# ///", "", "# /// script", "# b", "# ///"], "b\n"),
        (["# /// script", "# /// script", "# b", "# ///"], "/// script\nb\n"),
        ([" # /// script", "# b", "# ///"], None),
        (["# /// script", "#", "# ///x"], None),
    ],
)
def test_where_a_block_begins_and_ends(lines, content):
    """The last closing line of a run of comments closes it, as PEP 723 has it."""
    for end in ("\n", "\r\n", "\r"):
        text = end.join(lines)
        found = block.find(text)
        assert (found.content if found else None) == content == client._extract_pep_723_block(text)


def _same(text: str) -> None:
    ours = header.read(text)
    try:
        theirs = client.parse_uv_script_header(text)
    except CLIError:
        assert ours.table_problem or ours.problem
        return
    except (ValueError, RecursionError, AttributeError):  # what the client does not catch; `tool = 1` is one
        assert ours.problem or ours.table_problem
        return
    assert not ours.table_problem
    if theirs is None:
        assert ours.table is None
        return
    assert ours.table is not None and not ours.problem
    for key in KEYS:
        mine, yours = getattr(ours.table, key), getattr(theirs, key)
        assert (list(mine) if isinstance(yours, list) else mine) == yours, key


@settings(max_examples=300, deadline=None)
@given(headers() | blocks_like())
def test_any_header_is_read_as_the_client_does(text):
    _same(text)


@settings(max_examples=500, deadline=None)
@given(ENTRIES, st.booleans())
def test_any_table_is_read_as_the_client_does(entries, inline):
    lines = [f"{key} = {value}" for key, value in entries]
    _same(with_header(*(["[tool]", f"hf-jobs = {{{', '.join(lines)}}}"] if inline else ["[tool.hf-jobs]", *lines])))


@settings(max_examples=300, deadline=None)
@given(TABLES)
def test_what_is_written_is_what_the_client_reads(table):
    made = rewrite.with_table("import trl\n", table)
    _same(made)
    assert client.parse_uv_script_header(made) is not None


def _theirs(path: Path, text: str, chosen: Table) -> jobs._UvJobConfig:
    """What `hf jobs uv run --dry-run` makes of a script and its options."""
    path.write_text(text, encoding="utf-8")
    options = {name: getattr(chosen, name) for name in ("image", "flavor", "python", "timeout", "namespace", "name")}
    with ExitStack() as stack:
        return stack.enter_context(
            jobs._resolve_uv_job_config(
                api=None,  # type: ignore[arg-type]  # a dry run asks nobody
                script=str(path),
                script_args=None,
                dependencies=None,
                env=[f"{name}={value}" for name, value in chosen.env.items()],
                env_file=None,
                secrets=[f"{name}=x" for name in chosen.secrets],
                secrets_file=None,
                attempts=None,
                label=[f"{name}={value}" for name, value in chosen.labels.items()],
                volume=list(chosen.volumes),
                network_group=chosen.network_group,
                network_aliases=list(chosen.network_aliases) or None,
                dry_run=True,
                **options,
            )
        )


CHOSEN = st.builds(
    Table,
    image=st.none() | st.just("huggingface/trl"),
    flavor=st.none() | st.sampled_from(["a100-large", ""]),
    python=st.none() | st.just("3.13"),
    timeout=st.none() | st.just("2h"),
    name=st.none() | st.just("other"),
    namespace=st.none() | st.just("ada"),
    network_group=st.none() | st.just("own"),
    env=st.dictionaries(st.sampled_from(["A", "B"]), st.sampled_from(["1", "two"])),
    secrets=st.lists(st.sampled_from(["HF_TOKEN", "KEY"]), unique=True),
    labels=st.dictionaries(st.sampled_from(["team", "name"]), st.just("x")),
    volumes=st.lists(st.sampled_from(["hf://x/y:/a:ro", "hf://x/y:/z", "hf://x/z:/b"]), unique=True),
    network_aliases=st.lists(st.just("two"), max_size=1),
)


@settings(max_examples=300, deadline=None)
@given(TABLES, CHOSEN)
def test_what_is_chosen_comes_together_with_the_table_as_in_the_client(tmp_path_factory, table, chosen):
    path = tmp_path_factory.getbasetemp() / "train.py"
    try:
        theirs = _theirs(path, rewrite.with_table("import trl\n", table), chosen)
    except CLIError as refused:
        assert "name" in str(refused)
        with pytest.raises(ValueError, match="twice"):
            merge(table, chosen)
        return
    ours = merge(table, chosen)
    for key in ("image", "flavor", "python", "timeout", "namespace", "network_group"):
        assert getattr(ours.table, key) == getattr(theirs, key), key
    assert ours.table.env == theirs.env
    assert set(ours.table.secrets) == set(theirs.secrets)
    # The client makes a name where there is none.
    name = {} if "name" in ours.table.labels else {"name": theirs.labels["name"]}
    assert {**ours.table.labels, **name} == theirs.labels
    assert list(ours.table.volumes) == theirs.volume_specs
    assert list(ours.table.network_aliases) == theirs.network_aliases
    assert {key for key, source in ours.sources.items() if source == "script"} == theirs.from_script


@settings(max_examples=500, deadline=None)
@given(st.text("hf:/abro w", max_size=14))
def test_a_volumes_place_is_the_clients(volume):
    try:
        theirs = jobs._split_mount(volume, raw=volume)[1]
    except HfUriError:
        with pytest.raises(ValueError, match="volume"):
            mount_path(volume)
        return
    assert mount_path(volume) == theirs


@settings(max_examples=300, deadline=None)
@given(st.text("trl-_.[]=>1.~ ;@a", max_size=16))
def test_packages_are_those_that_packaging_reads(text):
    try:
        name = canonicalize_name(Requirement(text).name)
    except ValueError:
        assert header.requirement(text) is None
        return
    found = header.requirement(text)
    assert found is not None and header.name_of(found) == name
