"""What the licences of model, data and teacher say about the result. Each is said as the licence's word, no advice."""

from __future__ import annotations

import re
from typing import Any

from trl_space import licences
from trl_space.checks.case import Case, Check, Fix, Level, page_link
from trl_space.jobspec import target_name
from trl_space.licences import Licence


def model(case: Case) -> Check | None:
    """The model's licence: whether the result may be shared and sold, and what it must be called."""
    return _licence(case, "licence", "model", case.facts.model)


def data(case: Case) -> Check | None:
    """The dataset's licence, which goes on in what is learned from it."""
    return _licence(case, "data_licence", "dataset", case.facts.dataset)


def teacher(case: Case) -> Check | None:
    """The teacher's licence: some allow only models of their own family to learn from it."""
    facts, student = case.facts.teacher, case.facts.model
    said = licences.of(facts.license, facts.license_name) if facts else None
    if said is None or facts is None or student is None or "teacher" not in case.needs:
        return None
    link = page_link(case, "model", facts.id, facts.url)
    own = said.only_family
    if own and not (student.license or "").lower().startswith(own):
        return case.check("teacher_licence", "warns", link, licence=facts.license)
    if not said.commercial:
        return case.check("teacher_research", "warns", link, licence=facts.license_name or facts.license)
    return None


def _licence(case: Case, name: str, what: str, facts: Any) -> Check | None:
    if facts is None:
        return None
    link = page_link(case, what, facts.id, facts.url)
    if not licences.named(facts.license):
        return case.check(f"{name}_none", "unknown", link)
    label = (getattr(facts, "license_name", None) or facts.license)[:60]
    said = licences.of(facts.license, getattr(facts, "license_name", None))
    if said is None:
        return case.check(f"{name}_other", "unknown", link, licence=label)
    public = not case.recipe.private
    if not said.sharing and public:
        # Whoever goes on in a public repository cannot make it private here.
        private = case.fix("set", "make_private", changes={"private": True})
        level: Level = "blocks" if name == "licence" else "warns"
        return case.check(f"{name}_no_sharing", level, link if case.recipe.resume else private, licence=label)
    if not said.sharing and name == "licence":
        return case.check("licence_unshared", "warns", link, licence=label)
    if said.begins and not case.recipe.resume and not _begins(case, said.begins):
        return case.check(f"{name}_name", "warns", _renamed(case, said), licence=label, begins=said.begins)
    if not said.commercial:
        return case.check(f"{name}_research", "warns", link, licence=label)
    if public and said.asks:
        return case.check(f"{name}_asks", "warns", link, licence=label, asks=_asks(case, said))
    return case.check(f"{name}_fine", "fine", licence=label)


def _result(case: Case) -> str:
    """The name of the result without its owner."""
    account = case.facts.account
    return target_name(case.recipe, account.name if account else "you").rpartition("/")[2]


def _begins(case: Case, wanted: str) -> bool:
    """Whether the result's name begins so; capitals and the sign between its words do not matter."""
    return re.match(re.escape(wanted).replace(r"\ ", "[ ._-]?"), _result(case), re.IGNORECASE) is not None


def _renamed(case: Case, said: Licence) -> Fix:
    """A fix that gives the result a name which begins as the licence wants."""
    begins, name = said.begins.replace(" ", "-"), re.sub(r"^meta-", "", _result(case), flags=re.IGNORECASE)
    name = begins + name[len(begins) :] if name.lower().startswith(begins.lower()) else f"{begins}-{name}"
    owner = case.recipe.hub_model_id.rpartition("/")[0]
    name = name[:96].rstrip("-.")
    return case.fix("set", "name_it", {"name": name}, changes={"hub_model_id": f"{owner}/{name}" if owner else name})


def _asks(case: Case, said: Licence) -> str:
    """What a licence asks of whoever shares the result, in words."""
    parts = [("shows", said.shows), ("rules", said.rules), ("same", said.same)]
    words = [case.words(f"check.licence_asking.{name}", shows=said.shows) for name, asked in parts if asked]
    return ", ".join(words)
