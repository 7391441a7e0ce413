"""Three small first runs, for who has none yet: links that fill the form and start nothing.

    for first in FIRST_RUNS:
        first.links      # recipes as query strings: the first one whose model the Hub has is the one that is offered

The machine is left open, so that the page recommends one at today's prices. The later links are those of the demo,
whose Hub holds small models of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FirstRun:
    """One of them; its words are below `page.first.<id>`."""

    id: str
    links: tuple[str, ...]


FIRST_RUNS = (
    FirstRun(
        "sft",
        (
            "v=1&model=Qwen/Qwen3-0.6B&dataset=trl-lib/Capybara&split=train&rows=300&timeout=30m",
            "v=1&model=demo/tiny-qwen3&dataset=demo/units-chat-pairs&split=train&rows=300&timeout=15m",
        ),
    ),
    FirstRun(
        "dpo",
        (
            "v=1&model=Qwen/Qwen3-0.6B&dataset=trl-lib/ultrafeedback_binarized&split=train&rows=300&trainer=dpo&timeout=30m",
            "v=1&model=demo/tiny-qwen3-beginner&dataset=demo/units-preference&split=train&rows=300&trainer=dpo&timeout=15m",
        ),
    ),
    FirstRun(
        "grpo",
        (
            "v=1&model=Qwen/Qwen3-0.6B&dataset=openai/gsm8k&subset=main&split=train&rows=100&trainer=grpo&timeout=1h",
            "v=1&model=demo/tiny-qwen3-beginner&dataset=demo/units-solutions&split=train&rows=100&trainer=grpo&timeout=15m",
        ),
    ),
)
