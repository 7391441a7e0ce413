r"""Names that are made to be taken for another: letters of other alphabets, and owners that look like well-known ones.

    strange_letter("Qw\u0435n/Qwen3")       # that Cyrillic letter with its number, "(U+0435)"; "" when all are plain
    looks_like("meta-IIama/Llama-3.2-1B")  # "meta-llama"; "" for an owner that looks like none that is known

The Hub takes only plain letters in names, so a name with others is refused anyway and only the reason is told. Names of
plain letters are anybody's to take: what looks like a well-known owner may be honest, so this is a hint and no more.
"""

from __future__ import annotations

import re
import unicodedata

# Owners of models and datasets that many links name. One more is one more word.
KNOWN_OWNERS = """
Qwen meta-llama google mistralai microsoft openai openai-community deepseek-ai HuggingFaceTB HuggingFaceH4 HuggingFaceFW
huggingface trl-lib facebook nvidia allenai EleutherAI bigscience bigcode tiiuae ibm-granite stabilityai apple
CohereLabs CohereForAI 01-ai internlm zai-org moonshotai THUDM baichuan-inc upstage NousResearch teknium TinyLlama
distilbert google-bert FacebookAI unsloth argilla databricks openbmb LiquidAI swiss-ai utter-project Salesforce
tatsu-lab lmsys open-r1 open-thoughts stanfordnlp cais rajpurkar Anthropic HuggingFaceM4
hf-internal-testing trl-internal-testing
""".split()

# What one takes for the other at a glance, in the order in which it is replaced. Letters are compared small.
_ALIKE = (("0", "o"), ("q", "o"), ("1", "l"), ("i", "l"), ("j", "l"), ("5", "s"), ("rn", "m"), ("vv", "w"), ("cl", "d"))
_LEAST = 6  # letters of a name from which on a single wrong one is a hint: of shorter names many are alike


def strange_letter(name: str) -> str:
    """The first character of a name that is no plain one, with its number; "" when there is none."""
    found = next((char for char in unicodedata.normalize("NFC", name) if not char.isascii()), "")
    return f"{found} (U+{ord(found):04X})" if found else ""


def looks_like(repo: str) -> str:
    """The well-known owner that the owner of a repository looks like without being it, or ""."""
    owner, slash, _ = repo.partition("/")
    # The Hub does not tell capital letters from small ones in names: such a one leads to the same owner.
    if not slash or not owner or owner.lower() in _KNOWN:
        return ""
    mine = _seen(owner)
    return next((name for name, seen in _SEEN if seen == mine or _one_apart(mine, seen)), "")


def _seen(name: str) -> str:
    """A name as the eye takes it: without what separates, with one letter for all that look alike."""
    text = re.sub(r"[-_.]", "", name.lower())
    for part, read in _ALIKE:
        text = text.replace(part, read)
    return text


def _one_apart(one: str, other: str) -> bool:
    """Whether one letter more, less, other or swapped with its neighbour makes two long names the same."""
    if min(len(one), len(other)) < _LEAST or abs(len(one) - len(other)) > 1 or one == other:
        return False
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if len(one) == len(other):
        swapped = one[same : same + 2] == other[same : same + 2][::-1] and one[same + 2 :] == other[same + 2 :]
        return swapped or one[same + 1 :] == other[same + 1 :]
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[same + 1 :] == shorter[same:]


_KNOWN = {name.lower() for name in KNOWN_OWNERS}
_SEEN = tuple((name, _seen(name)) for name in KNOWN_OWNERS)
