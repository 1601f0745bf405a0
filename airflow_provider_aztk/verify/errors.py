"""What keeps a run from a step or a question."""

from __future__ import annotations

__all__ = ["NotAskedError", "StepFailedError"]


class NotAskedError(Exception):
    """A question could not be asked; the text says why."""


class StepFailedError(Exception):
    """A step of the product's main paths did not end as it should; the text says how it did."""
