"""What licences say about training a model and sharing the result, by the ids that cards on the Hub use.

    of("llama3.2")                      # Licence(begins="Llama", shows="Built with Llama", ...)
    of("other", "qwen-research")        # Licence(commercial=False, ...)
    of("other", "my-licence")           # None: nobody here has read it

The ids are those of https://huggingface.co/docs/hub/repositories-licenses; names for `license: other` are what the
makers' own cards call theirs (`license_name`). Each entry says what the licence's text says, and where; no advice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Licence:
    """What one licence says.

    `commercial`: whether it allows commercial use. `sharing`: whether a changed version may be shared. `begins`: what
    the name of a shared result must begin with. `shows`: what must be shown beside it. `rules`: it has rules of use
    that must be passed on. `same`: a shared result must stand under the same licence. `only_family`: what the model
    writes may improve only models of this family.
    """

    commercial: bool = True
    sharing: bool = True
    begins: str = ""
    shows: str = ""
    rules: bool = False
    same: bool = False
    only_family: str = ""

    @property
    def asks(self) -> bool:
        """Whether it asks something of whoever shares the result."""
        return bool(self.shows or self.rules or self.same)


FREE = Licence()
_RESEARCH = Licence(commercial=False)
_SAME = Licence(same=True)
_RULES = Licence(rules=True)
# Section 1.b of each text: https://www.llama.com/llama3_1/license and its sisters for 3.2, 3.3 and 4.
_LLAMA = Licence(begins="Llama", shows="Built with Llama", rules=True)

TABLE: dict[str, Licence] = {
    # 1.b.v: no use "to improve any other large language model (excluding Llama 2 or derivative works thereof)".
    "llama2": Licence(rules=True, only_family="llama"),
    # https://llama.meta.com/llama3/license, 1.b.i and 1.b.v.
    "llama3": Licence(begins="Llama 3", shows="Built with Meta Llama 3", rules=True, only_family="llama"),
    "llama3.1": _LLAMA,
    "llama3.2": _LLAMA,
    "llama3.3": _LLAMA,
    "llama4": _LLAMA,
    # https://ai.google.dev/gemma/terms, 3.1: a copy of the terms and their rules of use go with every derivative.
    "gemma": _RULES,
    # Attachment A of the RAIL licences: rules of use that each later agreement must hold (https://www.licenses.ai).
    "openrail": _RULES,
    "openrail++": _RULES,
    "bigscience-openrail-m": _RULES,
    "creativeml-openrail-m": _RULES,
    "bigscience-bloom-rail-1.0": _RULES,
    "bigcode-openrail-m": _RULES,
    # Creative Commons, https://creativecommons.org/share-your-work/cclicenses: NC, ND and SA say what they mean.
    **{f"cc-by-nc-{version}": _RESEARCH for version in ("2.0", "3.0", "4.0")},
    **{f"cc-by-nc-sa-{version}": replace(_RESEARCH, same=True) for version in ("2.0", "3.0", "4.0")},
    **{f"cc-by-sa-{version}": _SAME for version in ("3.0", "4.0")},
    "cc-by-nd-4.0": Licence(sharing=False),
    **{f"cc-by-nc-nd-{version}": Licence(commercial=False, sharing=False) for version in ("3.0", "4.0")},
    # Research only, by their own names and texts.
    "apple-amlr": _RESEARCH,
    "deepfloyd-if-license": replace(_RESEARCH, rules=True),
    "fair-noncommercial-research-license": _RESEARCH,
    "intel-research": _RESEARCH,
    # A shared result stands under the same licence.
    **dict.fromkeys(
        (
            *("gpl", "gpl-2.0", "gpl-3.0", "agpl-3.0", "gfdl", "odbl", "cdla-sharing-1.0", "osl-3.0", "eupl-1.1"),
            *("lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr", "mpl-2.0", "epl-1.0", "epl-2.0"),
        ),
        _SAME,
    ),
    # A notice at most.
    **dict.fromkeys(
        """
        apache-2.0 mit afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc0-1.0
        cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 etalab-2.0 isc
        lppl-1.3c ms-pl odc-by postgresql ofl-1.1 ncsa unlicense zlib pddl
        """.split(),
        FREE,
    ),
}
# `license_name` beside `license: other`, as the makers' own cards have it.
NAMED: dict[str, Licence] = {
    # https://huggingface.co/Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE, 4.b.
    "qwen": Licence(shows="Built with Qwen"),
    # https://huggingface.co/Qwen/Qwen2.5-3B-Instruct/blob/main/LICENSE, 2 and 4.b.
    "qwen-research": Licence(commercial=False, shows="Built with Qwen"),
    # https://mistral.ai/licenses/MRL-0.1.md, 2.2 and 3; its predecessor MNPL-0.1 is for what is not production.
    "mrl": replace(_RESEARCH, rules=True),
    "mnpl": replace(_RESEARCH, rules=True),
    # https://github.com/deepseek-ai/DeepSeek-LLM/blob/main/LICENSE-MODEL, 4 and attachment A.
    "deepseek": _RULES,
}
_UNNAMED = ("", "unknown")


def named(license: str | None) -> bool:
    """Whether a card names a licence at all."""
    return (license or "").strip().lower() not in _UNNAMED


def of(license: str | None, license_name: str | None = None) -> Licence | None:
    """Return what a card's licence says; the strictest of several; None for one that is not named or not known here."""
    found: Licence | None = None
    for part in (license or "").lower().split(","):
        one = NAMED.get((license_name or "").strip().lower()) if part.strip() == "other" else TABLE.get(part.strip())
        if one is None:
            return None
        found = one if found is None else _both(found, one)
    return found


def _both(one: Licence, other: Licence) -> Licence:
    return Licence(
        one.commercial and other.commercial,
        one.sharing and other.sharing,
        one.begins or other.begins,
        one.shows or other.shows,
        one.rules or other.rules,
        one.same or other.same,
        one.only_family or other.only_family,
    )
