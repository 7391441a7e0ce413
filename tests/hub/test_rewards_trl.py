"""The rewards that bear TRL's names give TRL's values, and TRL's trainer takes ours."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trl_space.rewards import REWARDS, WithText, function, score

rewards = pytest.importorskip("trl.rewards")

pieces = st.sampled_from(["<think>", "</think>", "\n", " ", "four", "<", "think>", "\r", "\u2028"])


@settings(max_examples=500, deadline=None)
@given(st.lists(pieces, max_size=8).map("".join))
def test_the_think_format_is_trls_own(answer):
    theirs = rewards.think_format_reward([[{"role": "assistant", "content": answer}]])
    assert function("think_format_reward")([[{"role": "assistant", "content": answer}]]) == theirs
    assert [score("think_format_reward", answer, {})] == theirs


def test_what_the_job_takes_from_trl_is_there():
    for reward in REWARDS.values():
        if not reward.here:
            found = getattr(rewards, reward.id)
            assert callable(found)
            if reward.columns:
                assert set(reward.columns) <= set(inspect.signature(found).parameters)


def test_trls_own_take_plain_text_too():
    own = rewards.think_format_reward
    with pytest.raises(TypeError):
        own(completions=["<think>4</think>4"])
    wrapped = WithText(own)
    assert wrapped(completions=["<think>4</think>4", [{"content": "4"}]], solution=["4", "4"]) == [1.0, 0.0]
    assert wrapped.__name__ == "think_format_reward"


def test_the_punishment_for_length_lies_in_the_range_we_say():
    punish = rewards.get_soft_overlong_punishment(1280, 256)  # what TRL's own command line uses
    reward = REWARDS["get_soft_overlong_punishment"]
    scores = punish([[1] * length for length in (0, 1024, 1025, 1280, 5000)])
    assert scores[:2] == [0.0, 0.0] and scores[2] < 0 and scores[3:] == [-1.0, -1.0]
    assert all(reward.low <= one <= reward.high for one in scores)
