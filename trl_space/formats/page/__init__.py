"""What the page says about rows and asks about them. Jobs do without."""

from __future__ import annotations

from .goals import explain, suggest
from .offers import parts
from .problems import inspect

__all__ = ["explain", "inspect", "parts", "suggest"]
