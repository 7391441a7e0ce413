"""What the fault matrix needs on the Hub, so that the page asks for everything it ever asks for.

world = build(hub)
world.links["plain"]       # recipes to open, by what is special about them
world.runs["ended"]        # "owner/job"
"""

from __future__ import annotations

import json
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from huggingface_hub import HfApi

from trl_space import estimate, presets, script_job
from trl_space.hub import jobs
from trl_space.hub.keep_script import keep_script
from trl_space.hub.machines import machines
from trl_space.jobspec import LABEL, SHAPE_LABEL
from trl_space.localhub.server import LocalHub
from trl_space.recipe import Recipe
from trl_space.script import Script

from .app_hub import spec, wait_for
from .fault_pages import Page
from .fault_scripts import SHELF
from .launching import sign_in
from .small_run import LINK, MODEL, put_small_run
from .test_app_hub_facts import make, model_files, weights
from .test_app_hub_tokens import files as model_with_words

CLOSED = "grace/matrix-closed"
SCRIPTS = "ada/matrix-scripts"
LONG, WORDS, BASE, TARGET = "ada/matrix-long", "ada/matrix-words", "grace/matrix-0.1B-Base", "ada/matrix-target"
CARD = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: train.jsonl\n---\n"


@dataclass
class World:
    """The Hub with ada signed in to the page by OAuth."""

    hub: LocalHub
    token: str
    links: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    sleepers: list[str] = field(default_factory=list)

    def start(self, shell: str = "sleep 900", owner: str = "ada", **labels: str) -> str:
        """A job of somebody's; "owner/job"."""
        plain = spec(shell, owner=owner, timeout_seconds=900)
        run = jobs.start(
            spec(shell, owner=owner, timeout_seconds=900, labels={**plain.labels, **labels}), self.hub.token(owner)
        )
        return f"{run.owner}/{run.job_id}"

    def stop(self, run: str) -> None:
        """End a job, without the app."""
        owner, _, job = run.partition("/")
        url = f"{self.hub.url}/api/jobs/{owner}/{job}/cancel"
        httpx.post(url, headers={"Authorization": f"Bearer {self.hub.token(owner)}"}, trust_env=False, timeout=30)

    def shelve(self, *texts: str) -> str:
        """Let ada's kept scripts be these, private, and none kept at all without any; their newest commit."""
        api = HfApi(token=self.hub.token("ada"))
        api.delete_repo(SHELF, repo_type="dataset", missing_ok=True)
        for text in texts:
            keep_script("ada", "train.py", text, self.token)
        return api.dataset_info(SHELF).sha if texts else ""

    def shelved(self) -> tuple[list[str], bool]:
        """The scripts that are kept, by their hash, and whether they are private: by the Hub's own word."""
        headers = {"Authorization": f"Bearer {self.hub.token('ada')}"}
        url = f"{self.hub.url}/api/datasets/{SHELF}"
        answer = httpx.get(url, headers=headers, trust_env=False, timeout=30)
        info = answer.json() if answer.status_code == 200 else {"siblings": [], "private": True}
        names = [one["rfilename"] for one in info["siblings"]]
        return [name[-19:-3] for name in names if name.endswith(".py")], info["private"]

    def jobs(self) -> list[dict]:
        """Ada's jobs that wait or run, by the Hub's own word."""
        headers = {"Authorization": f"Bearer {self.hub.token('ada')}"}
        answer = httpx.get(f"{self.hub.url}/api/jobs/ada?test=1", headers=headers, trust_env=False, timeout=30)
        ended = ("COMPLETED", "ERROR", "CANCELED", "DELETED")
        return [one for one in answer.raise_for_status().json() if one["status"]["stage"] not in ended]


def build(hub: LocalHub) -> World:
    """Put everything on the Hub. Takes some seconds."""
    put_small_run(hub)
    world = World(hub, sign_in(hub, "ada"))
    _repositories(hub)
    world.links = {
        "plain": LINK,
        "long": LINK.replace("ada/small-rows", LONG),
        "words": LINK.replace(MODEL, WORDS),
        "base": LINK.replace(MODEL, BASE),
        "closed": LINK.replace(MODEL, CLOSED),
        "teacher": f"{LINK}&trainer=distillation&teacher_model_name_or_path={WORDS}",
        "target": f"{LINK}&hub_model_id={TARGET}",
    }
    world.links["script"] = f"script=hf://datasets/{SCRIPTS}@{_script(hub)}/train.py&flavor=cpu-basic"
    world.runs["scripted"] = _scripted_run(world)
    world.runs["ended"] = _ended_run(world)
    world.runs["measured"] = _measured_run(world)
    # From here on every job waits in the queue: what is launched is only counted, and need not run.
    world.sleepers = [world.start(owner="grace") for _ in range(hub.max_jobs)]
    return world


def _repositories(hub: LocalHub) -> None:
    api = HfApi(token=hub.token("ada"))
    # A dataset whose subsets and splits its README tells, as most do.
    api.upload_file(
        repo_id="ada/small-rows", repo_type="dataset", path_in_repo="README.md", path_or_fileobj=CARD.encode()
    )
    # The dataset viewer cuts the cells of rows as long as these.
    long = [[{"role": "user", "content": "x" * 40_000}, {"role": "assistant", "content": "y"}] for _ in range(12)]
    lines = "".join(json.dumps({"messages": one}) + "\n" for one in long)
    make(hub, LONG, {"README.md": CARD, "train.jsonl": lines}, "dataset")
    make(hub, WORDS, model_with_words())
    # A model whose settings only those may read who were let in, without a chat template, and with what a run left.
    base = model_files(template=False) | {"last-checkpoint/run.json": json.dumps({"trainer": "sft"})}
    del base["config.json"]
    make(hub, BASE, base, gated="auto")
    ask = f"{hub.url}/{BASE}/ask-access"
    httpx.post(ask, headers={"Authorization": f"Bearer {hub.token('ada')}"}, trust_env=False, timeout=30)
    make(hub, CLOSED, model_files(), gated="manual")
    make(hub, TARGET, {"README.md": "Nothing yet.\n"})


def _script(hub: LocalHub) -> str:
    """A private script of ada's; its commit."""
    make(hub, SCRIPTS, {"train.py": "import trl\n\nprint(trl)\n"}, "dataset", private=True)
    return HfApi(token=hub.token("ada")).dataset_info(SCRIPTS).sha


def _scripted_run(world: World) -> str:
    """A run of a pasted script that was stopped."""
    recipe = Recipe(script=Script(text="print('scripted')\n"), flavor="cpu-basic")
    token, machine = world.hub.token("ada"), next(one for one in machines(None) if one.flavor == "cpu-basic")
    spec = script_job.compile(
        recipe, text=recipe.script.text, machine=machine, account_name="ada", launch_id=secrets.token_hex(8)
    )
    run = jobs.start(spec, token)
    world.stop(f"ada/{run.job_id}")
    wait_for(run, token)
    return f"ada/{run.job_id}"


def _ended_run(world: World) -> str:
    """A run that left a whole model, and said so."""
    repo = f"ada/matrix-result-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        shell = f"while [ ! -f {said} ]; do sleep 0.05; done; seq -f 'line %.0f' 0 199; cat {said}"
        environment = {"TRL_SPACE_RECIPE": f"{LINK}&hub_model_id={repo}"}
        run = jobs.start(spec(shell, environment=environment), world.hub.token("ada"))
        make(world.hub, repo, {"model.safetensors": weights()}, private=True)
        commit = HfApi(token=world.hub.token("ada")).model_info(repo).sha
        event = "::trl-space " + json.dumps({"event": "pushed", "repo": repo, "commit": commit})
        said.with_suffix(".new").write_text(event + "\n")
        said.with_suffix(".new").rename(said)
        wait_for(run, world.hub.token("ada"))
    return f"{run.owner}/{run.job_id}"


def _measured_run(world: World) -> str:
    """A run of the same shape as the plain recipe, with its speed in the log."""
    with Page(world.hub, world.token) as page:
        page.press("form", LINK)
        case = page.case(LINK)
    machine = case.facts.machine
    shape = estimate.run_shape(case.recipe, presets.settings_for(case.recipe, case.facts.preset, machine), machine)
    event = {"event": "speed", "seconds_per_step": 2.5, "startup_seconds": 31, "peak_gib": 1.5, "steps": 9}
    run = world.start(f"echo '::trl-space {json.dumps(event)}'", **{LABEL: "1", SHAPE_LABEL: shape})
    owner, _, job = run.partition("/")
    token = world.hub.token("ada")
    wait_for(jobs.get_run(owner, job, token), token)
    return run
