"""Where each check of a script can be seen in the demo; the rows of `states` that are about the Scripts page.

Their scripts are files of `quirks/scripts`: the demo reads nothing from the web.
"""

from __future__ import annotations

from urllib.parse import quote

GIVEN = "--dataset_name a/b --model_name_or_path c/d"
BUCKET = "hf://buckets/ada/runs:/data:rw"
TRL = "trl sft --model_name_or_path demo/tiny-qwen3 --dataset_name demo/dates-chat"


def _by(name: str, more: str = "", secrets: str = "HF_TOKEN", flavor: str = "l4x1", timeout: str = "2h") -> str:
    """A link to a script of `quirks/scripts`."""
    said = {"script": f"hf://datasets/quirks/scripts/{name}.py", "secrets": secrets}
    return _link(said | {"flavor": flavor, "timeout": timeout}, more)


def _command(text: str, more: str = "", secrets: str = "HF_TOKEN", flavor: str = "l4x1", timeout: str = "2h") -> str:
    return _link({"command": text, "secrets": secrets, "flavor": flavor, "timeout": timeout}, more)


def _link(said: dict[str, str], more: str) -> str:
    pairs = [f"{name}={quote(value, safe=':/-_.,')}" for name, value in said.items() if value]
    return "&".join([*pairs, *filter(None, [more])])


def _args(words: str) -> str:
    return f"script_args={quote(words, safe=':/-_.,')}"


LINKS: tuple[tuple[str, str], ...] = (
    # its text
    ("script_missing", "script_args=--seed%201"),
    ("script_unread", _by("no-such-file")),
    ("script_changed", _by("good", f"script_sha256={'0' * 64}")),
    ("script_empty", _by("moved")),
    ("script_syntax", _by("broken")),
    ("script_python2", _by("python2")),
    ("script_notebook", _by("notebook")),
    ("script_shell", _by("shell")),
    ("script_newer", _by("newer")),
    ("script_long", _by("long")),
    ("script_deep", _by("deep")),
    ("script_header", _by("header")),
    ("script_table", _by("table")),
    # what it imports, and what TRL has
    ("script_imports_fine", _by("good")),
    ("script_imports", _by("bare")),
    ("script_imports_unknown", _by("own-tools")),
    ("script_imports_image", _by("bare", "image=trl")),
    ("script_beside", _by("beside")),
    ("script_gone", _by("gone")),
    ("script_gone_argument", _by("gone-argument")),
    ("script_trl_other", _by("older-trl")),
    ("script_argument", _by("arguments", _args(f"{GIVEN} --learning_rate"))),
    ("script_argument_gone", _by("arguments", _args(f"{GIVEN} --max_seq_length=512"))),
    # what it asks for, its token, what it keeps
    ("script_wishes", _by("wishes")),
    ("script_keys", _by("keys")),
    ("script_token", _by("good", secrets="")),
    ("script_token_asked", _by("reads-private", f"volumes={BUCKET}", secrets="")),
    ("script_token_unneeded", _by("quiet", f"volumes={BUCKET}")),
    ("script_saved", _by("good")),
    ("script_saved_volume", _by("quiet", f"volumes={BUCKET}", secrets="")),
    ("script_saved_elsewhere", _by("elsewhere", secrets="")),
    ("script_command_unknown", _command("python -c print(1)", secrets="")),
    ("script_push_off", _command(TRL)),
    ("script_unsaved", _by("quiet", secrets="")),
    # machine, time, image, Python, versions
    ("script_launcher", _by("good", flavor="l4x4")),
    ("script_gpus", _by("no-training", flavor="l4x4")),
    ("script_gpus_unknown", _command("python x.py", secrets="", flavor="l4x4")),
    ("script_time_short", _by("good", timeout="30m")),
    ("script_time_long", _by("good", timeout="3d")),
    ("script_image", _by("bare", "image=pytorch/pytorch:2.8.0")),
    ("script_image_unseen", _by("good", "image=trl")),
    ("script_python", _by("python313", "python=3.12")),
    ("script_python_trl", _by("good", "python=3.9")),
    ("script_python_fetched", _by("python313")),
    ("script_pins", _by("unpinned")),
    # what a link brings
    ("link_script", _by("good")),
    ("link_command", _command(TRL)),
    ("link_image", _by("good", "image=ghcr.io/a/b:1")),
    ("link_packages", _by("bare", "dependencies=trl")),
    ("link_environment", _by("good", "env.SEED=1")),
    ("link_secrets", _by("good")),
    ("link_volumes", _by("quiet", f"volumes={BUCKET}", secrets="")),
)
