"""Scripts for the tests: what hypothesis makes up, and a few whole ones in the shapes that people write."""

from __future__ import annotations

from hypothesis import strategies as st

from trl_space.scripts.table import Table

NAMES = st.sampled_from(
    ["trl", "peft", "datasets>=4", "torch==2.13.0", "trl[vlm]", "Pillow", "a @ git+https://x.org/a"]
)
PLAIN = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\x85\u2028\u2029"), max_size=12)
ANY = st.text(max_size=12)
KEYS = st.text("AZ_az09-. é", min_size=1, max_size=8)
# What a value of the table may be in TOML, right or wrong.
JUNK = st.sampled_from(
    ["1", "true", "1.5", '"x"', "[]", '["a"]', "[1]", "{}", '{a = "b"}', "{a = 1}", "2026-11-01", "'y'"]
)

TABLES = st.builds(
    Table,
    image=st.none() | PLAIN,
    flavor=st.none() | st.sampled_from(["l4x1", "t4-small", ""]),
    python=st.none() | st.just("3.12"),
    timeout=st.none() | st.sampled_from(["30m", "1.5h", "3600"]),
    name=st.none() | st.just("my-run"),
    namespace=st.none() | st.just("acme"),
    network_group=st.none() | st.just("ring"),
    env=st.dictionaries(KEYS, ANY.filter(lambda text: text.isprintable() or "\n" in text), max_size=3),
    secrets=st.lists(st.sampled_from(["HF_TOKEN", "WANDB_API_KEY"]), unique=True),
    labels=st.dictionaries(KEYS.filter(lambda key: key != "name"), PLAIN, max_size=2),
    volumes=st.lists(st.sampled_from(["hf://a/b:/a", "hf://buckets/a/b:/b:rw", "hf://a/c:/c:ro"]), unique=True),
    network_aliases=st.lists(st.just("one"), max_size=1),
)

LINES = st.sampled_from(
    [
        *("# /// script", "# ///", "#", "# ", "# x = 1", '# dependencies = ["trl"]', "#x", "x = 1", "", "# /// other"),
        *("#  ///", "# /// script ", "#!/usr/bin/env python", "# [tool.hf-jobs]", '# flavor = "l4x1"', "# a\x0cb"),
        *("#\t", "# -*- coding: utf-8 -*-", "# é\u2028z", '"""', "\ufeff# /// script"),
    ]
)
# Mostly whole blocks, and where they begin and end is the question.
EDGES = st.sampled_from(["# /// script", "# ///", "# ///", "#", "# a = 1", "#x", "# /// other", "", "# /// a b"])
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])


@st.composite
def blocks_like(draw: st.DrawFn) -> str:
    """Texts that look like scripts with blocks, whole and broken, with any line ends."""
    which, ends = draw(st.sampled_from([(LINES, ENDS), (EDGES, ENDS), (EDGES, st.just("\n"))]))
    lines = draw(st.lists(st.tuples(which, ends), max_size=14))
    text = "".join(line + end for line, end in lines)
    return text if draw(st.booleans()) else text.rstrip("\r\n")


TOML_LINES = [
    *('requires-python = ">=3.11"', 'dependencies = ["trl", "peft"]', "dependencies = []", "", "# a comment"),
    *('dependencies = [\n    "trl",  # the trainer\n    # adapters\n    "peft"\n]', "[tool.uv]\nx = 1"),
    *('[tool.hf-jobs]\nflavor = "l4x1"', '[tool.hf-jobs]\nimage = "x"\n\n[tool.hf-jobs.env]\nA = "b"', "[tool]"),
    *('[tool.hf-jobs.labels]\nteam = "ml"', 'hf-jobs = {flavor = "t4-small"}', "tool.hf-jobs.timeout = 60"),
    *('text = """\n[tool.hf-jobs]\ndependencies = []\n"""', 'list = [\n[1],\n["]"]]', "[tool.hf-jobs.env]"),
    *("a = {b = 1}", "[[tool.x]]"),
]


@st.composite
def headers(draw: st.DrawFn) -> str:
    """Scripts with a header of TOML that mostly is valid; what is around it is code."""
    parts = draw(st.lists(st.sampled_from(TOML_LINES), max_size=5, unique=True))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    content = "\n".join(parts).split("\n") if parts else []
    lines = ["# /// script", *(f"# {line}" if line else "#" for line in content), "# ///"]
    before = draw(st.sampled_from([[], ["#!/usr/bin/env -S uv run"], ["# A licence.", ""], ["# A licence."]]))
    after = draw(st.sampled_from([[""], ["", "import trl"], ["import trl"], ["# more", "import trl"]]))
    return end.join([*before, *lines, *after])


def with_header(*toml: str, code: str = "import trl\n") -> str:
    """A script with these lines of TOML as its header."""
    return "\n".join(["# /// script", *(f"# {line}" if line else "#" for line in toml), "# ///", "", code])
