"""Every export asks for the very job that the page asks for, as the official client and its `hf` tool read it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hub.exported import Asked, by_program, by_words, of_spec
from tests.unit.recipes import SCRIPTS, script_runs
from tests.unit.test_jobspec import L4, job, run
from trl_space import exports, script_job
from trl_space.job import JobSpec
from trl_space.recipe import Recipe
from trl_space.script import Script
from trl_space.scripts import header
from trl_space.trainers import TRAINERS

RAW = "https://raw.githubusercontent.com/huggingface/trl/v1.16.0/trl/scripts/sft.py"
# Headers of scripts, some with a table of their own that says what the recipe does not.
HEADERS = [
    "",
    "# /// script\n# dependencies = []\n# ///\n",
    '# /// script\n# dependencies = ["trl"]\n#\n# [tool.hf-jobs]\n# flavor = "h200"\n# image = "other/image"\n# ///\n',
    '# /// script\n# [tool.hf-jobs]\n# python = "3.13"\n# secrets = ["B"]\n# [tool.hf-jobs.env]\n# A = "1"\n# ///\n',
    '#!/usr/bin/env python\n# /// script\r\n# [tool.hf-jobs]\r\n# volumes = ["hf://a/b:/other"]\r\n# ///\r\n',
]
TEXTS = st.builds(
    lambda header, body: header + "print(1)\n" + body,
    st.sampled_from(HEADERS),
    st.text("ab \n'\"\\é$`{}#", max_size=80),
)
PASTED = st.builds(lambda script, text: replace(script, url="", command=(), sha256="", text=text), SCRIPTS, TEXTS)


def spec_of(recipe: Recipe, text: str) -> JobSpec:
    return script_job.compile(recipe, text=text, machine=L4, account_name="ada", launch_id="0123abcd")


def asked_by_all(spec: JobSpec) -> Iterator[tuple[str, Asked]]:
    """What each export of a job asks for, by its name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield "command", by_words(spec, shlex.split(spec.as_hf_cli()), folder)
        yield "lines", by_words(spec, in_a_shell(exports.command(spec, lines=True)), folder)
        yield "program", by_program(spec, spec.as_python(), folder)
        if exports.says_uv(spec):
            yield "file", by_words(spec, shlex.split(exports.short_command(spec)), folder)


def in_a_shell(command: str) -> list[str]:
    """The words that a real shell makes of a command."""
    tell = f"tell() {{ printf '%s\\0' \"$@\"; }}; tell {command}"
    done = subprocess.run(["/bin/sh", "-c", tell], capture_output=True, timeout=30, check=True)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("trainer", sorted(TRAINERS))
def test_a_training_is_the_same_in_every_export(trainer):
    spec = run(trainer, recipe={"namespace": "acme", "subset": 'it\'s $HOME `x` "y" \\ é', "timeout": 5400})
    assert exports.says_uv(spec)
    names = []
    for name, asked in asked_by_all(spec):
        assert asked == of_spec(spec), name
        names.append(name)
    assert names == ["command", "lines", "program", "file"]
    assert len(spec.as_hf_cli()) < 2000, "the script lies beside it"


def test_trls_own_image_takes_the_whole_command():
    spec = job(image="trl")
    assert shlex.split(spec.as_hf_cli())[:3] == ["hf", "jobs", "run"] and "run_job(" in spec.as_python()
    for name, asked in asked_by_all(spec):
        assert asked == of_spec(spec), name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(script_runs(SCRIPTS | PASTED), TEXTS, st.sampled_from(["", "acme"]))
def test_a_script_is_the_same_in_every_export(recipe, text, namespace):
    recipe = replace(recipe, namespace=namespace)
    text = "" if recipe.script.command else recipe.script.text or text
    spec = spec_of(recipe, text)
    for name, asked in asked_by_all(spec):
        assert asked == of_spec(spec), name


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from("\n\t"))
    | st.text(st.sampled_from("\"'\\ #$\nab"), max_size=8)
)
def test_any_value_of_a_variable_comes_through(value):
    from huggingface_hub.utils._dotenv import load_dotenv

    assert load_dotenv(f"NAME={exports.dotenv(value)}") == {"NAME": value}


@settings(max_examples=100, deadline=None)
@given(script_runs(SCRIPTS | PASTED), TEXTS)
def test_the_client_reads_the_table_as_it_is_meant(recipe, text):
    from huggingface_hub.cli._uv_script_header import parse_uv_script_header

    if recipe.script.command:
        return
    spec = spec_of(replace(recipe, namespace="acme"), recipe.script.text or text)
    read = parse_uv_script_header(exports.file(spec))
    said = exports.table(spec)
    assert said == header.read(exports.file(spec)).table
    assert vars(read) == {name: plain(getattr(said, name)) for name in vars(read)}


def plain(value):
    """A value of a table as the client keeps it."""
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


GUIDE = [
    (
        Script(url=RAW, args=("--model_name_or_path", "Qwen/Qwen2-0.5B", "--push_to_hub"), secrets=("HF_TOKEN",)),
        f"--secrets HF_TOKEN .* {re.escape(RAW)} -- --model_name_or_path Qwen/Qwen2-0.5B --push_to_hub$",
    ),
    (Script(url="hf://datasets/ada/code@0123abc/my train.py".replace(" ", "_")), " https://huggingface.co/datasets/ada/code/resolve/0123abc/my_train.py$"),
    (Script(url="hf://ada/model@refs/pr/3/a/b.py"), " https://huggingface.co/ada/model/resolve/refs%2Fpr%2F3/a/b.py$"),
    (Script(text="print(1)", dependencies=("trl",)), " --with trl script.py$"),
    (Script(command=("python", "-c", "print(1)")), r" hf.co/spaces/ada/app -- python -c 'print\(1\)'$"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "ends"), GUIDE)
def test_the_command_reads_like_the_guide(script, ends):
    image = "hf.co/spaces/ada/app" if script.command else ""
    command = spec_of(Recipe(script=script, image=image), "" if script.command else "print(1)").as_hf_cli()
    assert re.search(ends, command), command
    assert command.startswith("hf jobs run " if script.command else "hf jobs uv run ")


SAYS_MORE = '# /// script\n# [tool.hf-jobs]\n# secrets = ["HF_TOKEN"]\n# ///\nprint(1)\n'


@pytest.mark.parametrize(
    ("script", "text", "uv", "address"),
    [
        (Script(url=RAW), "print(1)", True, True),
        # The client would add what the script's own header asks for.
        (Script(url=RAW), SAYS_MORE, True, False),
        (Script(url=RAW, secrets=("HF_TOKEN",)), SAYS_MORE, True, True),
        # It would look for these on the computer that starts the job, or put its own files in their place.
        (Script(url=RAW, args=("--config", "/mnt/config.yaml")), "print(1)", False, True),
        (Script(url=RAW, args=("x" * 300,)), "print(1)", False, True),
        (Script(url=RAW, volumes=("hf://datasets/a/b:/data",)), "print(1)", False, True),
        (Script(url=RAW, volumes=("hf://datasets/a/b:/dataset",)), "print(1)", True, True),
        # It would stop at these headers, or add to what this job has.
        (Script(url=RAW), "# /// script\n# a = \n# ///\n", False, False),
        (Script(url=RAW), "# /// script\n# [tool.hf-jobs]\n# gpu = 1\n# ///\n", True, False),
        (Script(url=RAW), "# /// script\n# tool.hf-jobs.secrets = ['A']\n# ///\n", False, False),
    ],
)
def test_where_uv_cannot_say_it_the_whole_command_does(script, text, uv, address):
    spec = spec_of(Recipe(script=script), text)
    assert exports.says_uv(spec) is uv and bool(exports.address(spec)) is address
    assert spec.as_hf_cli().startswith("hf jobs uv run" if uv else "hf jobs run")
    assert (RAW in spec.as_hf_cli().split()) is (uv and address)


def test_the_tool_itself_takes_the_command(tmp_path):
    """As a program of its own, told not to ask anybody."""
    spec = job()
    (tmp_path / "train.py").write_text(spec.as_file())
    words = shlex.split(spec.as_hf_cli())
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HF_HOME": str(tmp_path / "hf"), "COLUMNS": "100000"}
    env |= {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "not a token"}
    tool = str(Path(sys.executable).with_name("hf"))
    for command in ([tool, *words[1:4], "--dry-run", *words[4:]], [tool, *words[1:4], "--dry-run", "train.py"]):
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        for value in (spec.image, spec.flavor, spec.labels["name"], "trl-space-shape", "HF_TOKEN=***"):
            assert value in done.stdout, value
        assert "not a token" not in done.stdout and exports.LAUNCH_LABEL not in done.stdout
