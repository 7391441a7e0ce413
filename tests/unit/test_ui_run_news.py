"""What a viewer of a run is told: only what is new, in words, with the numbers of its goal, and the way on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from tests.unit.cases import A100, L4
from trl_space import doctor, jobspec, rewards
from trl_space.facts import Run
from trl_space.recipe import Recipe
from trl_space.texts import table
from trl_space.trainers import TRAINERS
from trl_space.ui import run_news
from trl_space.ui.run_news import CHARTS, Told

SHA = "0123456789abcdef0123456789abcdef01234567"
RECIPE = Recipe(model="a/m", dataset="b/d")


def event(name: str, **values: object) -> str:
    return "::trl-space " + json.dumps({"event": name, **values}) + "\n"


def run(recipe: Recipe | None = RECIPE, stage: str = "RUNNING", message: str | None = None) -> Run:
    environment = {jobspec.RECIPE_VARIABLE: recipe.to_query()} if recipe else {}
    labels = {jobspec.LAUNCH_LABEL: "abc123"}
    over = stage not in ("RUNNING", "SCHEDULING")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Run("ada", "1", stage, message, "l4x1", now, now, now if over else None, 3600, labels, environment)


def news(text: str, recipe: Recipe | None = RECIPE, stage: str = "RUNNING", message: str | None = None) -> dict:
    job = run(recipe, stage, message)
    return Told(job).news(doctor.read(text), job)


def log(step: int, **metrics: float) -> str:
    return event("log", step=step, total=9, metrics=metrics)


def test_only_what_is_new_is_told():
    told, reader = Told(run()), doctor.Reader()
    reader.feed(event("begin", step=0, total=9) + log(1, loss=2.0))
    first = told.news(reader.state)
    assert first["points"] == [{"step": 1, "loss": 2.0}] and first["points_from"] == 0
    assert told.news(reader.state) == {}
    reader.feed(log(2, loss=1.23456789) + log(2, eval_loss=1.5))
    second = told.news(reader.state)
    assert second["points"] == [{"step": 2, "loss": 1.23457}, {"step": 2, "eval_loss": 1.5}]
    assert second["points_from"] == 1
    assert "samples" not in second


def test_the_learning_rate_is_the_last_one_that_was_said():
    """Evaluations in between say other numbers."""
    text = log(1, loss=2.0, learning_rate=1e-4) + log(1, eval_loss=1.5)
    assert news(text)["state"]["latest"] == {"learning_rate": 1e-4}
    assert news(log(1, loss=2.0))["state"]["latest"] == {}


def test_every_goal_has_a_picture_with_words():
    assert set(CHARTS) == set(TRAINERS)
    known = table()
    for names in CHARTS.values():
        for name in names:
            said = run_news.words(name)
            assert said["title"] != name and said["note"], name
    told = Path(run_news.__file__).with_name("components").joinpath("log_words.js").read_text()
    assert "TOLD" in told and known["page.parts.run_view.metric_eval_loss"]


@pytest.mark.parametrize(
    ("trainer", "metrics", "first"),
    [
        ("sft", {"loss": 1, "mean_token_accuracy": 0.5}, "loss"),
        ("dpo", {"loss": 1, "rewards/margins": 0.1, "rewards/accuracies": 0.5}, "rewards/margins"),
        ("kto", {"loss": 0.5, "kl": 0.1}, "loss"),
        ("reward", {"loss": 0.6, "accuracy": 0.5}, "accuracy"),
        ("grpo", {"loss": 0, "reward": 0.5, "completions/mean_length": 9}, "reward"),
        ("rloo", {"loss": 0, "reward": 0.5, "kl": 0.1}, "reward"),
        ("distillation", {"loss": 1, "completions/mean_length": 9}, "loss"),
    ],
)
def test_the_picture_is_chosen_by_the_goal(trainer, metrics, first):
    message = news(log(1, **metrics), Recipe(trainer=trainer, model="a/m", dataset="b/d"))
    ids = [one["id"] for one in message["charts"]]
    assert ids[0] == first
    assert set(ids) <= set(metrics)
    assert message["points"][0] == {"step": 1, **{name: metrics[name] for name in ids}}


def test_real_logs_of_every_goal_have_their_picture(reference_data):
    for path in sorted((reference_data / "logs" / "captures").iterdir()):
        trainer = path.name.partition(".")[0].partition("_")[0]
        if trainer in CHARTS:
            state = doctor.read(path.read_bytes().decode("utf-8", "replace"))
            recipe = Recipe(trainer=trainer, model="a/m")
            ids = [one["id"] for one in run_news.charts(recipe, state)]
            assert ids[0] == CHARTS[trainer][0] and len(ids) >= 2, path.name


def test_each_reward_has_its_own_picture_when_there_are_several():
    specs = ("right_answer", "length:20-200", "think_format_reward")
    names = [rewards.function(spec).__name__ for spec in specs]
    metrics = {"reward": 1.0, **{f"rewards/{name}/mean": 0.5 for name in names}, "rewards/right_answer/std": 0.1}
    recipe = Recipe(trainer="grpo", settings={"reward_funcs": specs})
    titles = [one["title"] for one in run_news.charts(recipe, doctor.read(log(1, **metrics)))]
    assert titles[0] == "Reward" and len(titles) == 4
    assert "20-200" in titles[2]
    alone = run_news.charts(recipe, doctor.read(log(1, reward=1.0, **{"rewards/right_answer/mean": 1.0})))
    assert [one["id"] for one in alone] == ["reward"]


SAVED = event("begin", step=0, total=9) + event("save", step=4)
STOPPED = SAVED + event("stopped", message="x", kind="deadline", step=5, saved=SHA)


def test_a_run_that_stopped_and_saved_says_so_and_can_go_on():
    state = news(STOPPED, stage="ERROR", message="Job failed with exit code: 3.")["state"]
    assert state["phase"] == "stopped" and state["diagnosis"] is None and state["reached"] == "training"
    assert state["stopped"] == {"kind": "deadline", "step": 5, "message": "x"}
    again = Recipe.from_query(state["way"]["query"])
    assert again.resume == jobspec.target_name(RECIPE, "ada", "abc123")
    assert again.model == "a/m"


@pytest.mark.parametrize(("stage", "message"), [("CANCELED", None), ("ERROR", "Job timeout"), ("ERROR", "x")])
def test_a_run_that_ended_after_a_save_can_go_on(stage, message):
    way = news(SAVED, stage=stage, message=message)["state"]["way"]
    assert way["kind"] == "continue" and Recipe.from_query(way["query"]).resume
    without = news(event("begin", step=0, total=9), stage=stage, message=message)["state"]["way"]
    assert without is None or (without["kind"] != "continue" and not Recipe.from_query(without["query"]).resume)
    assert not news(SAVED, None, stage, message)["state"]["way"]


def test_there_is_no_going_on_from_a_finished_or_a_ruined_run():
    done = SAVED + event("pushed", repo="ada/x", commit=SHA) + event("done")
    assert not news(done, stage="COMPLETED")["state"]["way"]
    ruined = SAVED + event("failed", kind="diverged", message="The loss is not a number.")
    way = news(ruined, stage="ERROR")["state"]["way"]
    anew = Recipe.from_query(way["query"])
    assert (way["kind"], anew.resume) == ("set", "") and anew.settings["learning_rate"] > 0


def test_what_helps_against_a_failure_is_the_button():
    full = event("failed", kind="oom", message="The machine ran out of memory.")
    job = replace(run(RECIPE, "ERROR"), flavor="l4x1")
    way = Told(job, (L4, A100)).news(doctor.read(full), job)["state"]["way"]
    assert way["kind"] == "set" and Recipe.from_query(way["query"]) != RECIPE
    gated = event("failed", kind="gated", message="The licence has to be accepted.")
    way = Told(job).news(doctor.read(gated), job)["state"]["way"]
    assert way["url"].endswith("/a/m") and "query" not in way


def test_what_only_the_hub_knows_is_told_when_the_run_is_over():
    assert news(SAVED, stage="ERROR", message="Job timeout")["state"]["diagnosis"]["kind"] == "timeout"
    assert news(SAVED)["state"]["diagnosis"] is None


def test_answers_become_a_table_with_words():
    rows = [{"prompt": "2+2?", "answer": "", "expected": "4", "score": 0}]
    before = event("samples", when="before", rows=rows)
    after = event("samples", when="after", rows=[{**rows[0], "answer": "4", "score": 1}])
    assert "samples" not in news("")
    assert not news(before)["samples"]["finished"]
    shown = news(before + after)["samples"]
    assert shown["finished"] and len(shown["heads"]) == 4
    assert [one["text"] for one in shown["rows"][0]] == ["2+2?", "4", "(nothing)", "4"]
    assert [one["mark"] for one in shown["rows"][0]] == ["", "", "score 0", "score 1"]


def test_a_judges_scores_become_a_table_of_their_own():
    rows = [{"prompt": "2+2?", "answer": "4", "score": 0.25, "kind": "chosen"}]
    shown = news(event("samples", when="after", rows=rows), Recipe(trainer="reward"))["samples"]
    assert [one["text"] for one in shown["rows"][0]] == ["2+2?", "4", "–", "0.25"]
    assert shown["rows"][0][1]["mark"] == "Better"


def test_everything_told_is_plain_json():
    text = STOPPED + event("machine", found="1x T4", changes=["a"]) + event("split", train=3, held_out=1)
    message = news(text + log(1, reward=0.0, loss=1e-9) * 12)
    assert json.loads(json.dumps(message, allow_nan=False)) == message
    assert message["state"]["notes"] == ["a"] and message["state"]["held_out"] == 1
