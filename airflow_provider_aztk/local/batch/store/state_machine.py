"""A state that remembers when it was entered and what was before it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_aztk.local.batch.common.times import utcnow
from airflow_provider_aztk.local.batch.store.states import IllegalMoveError, Moves

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["StateMachine"]

S = TypeVar("S", bound=StrEnum)


class StateMachine(Generic[S]):
    """One state; changed only through :meth:`move`, which refuses what cannot follow."""

    __slots__ = ("_moves", "_state", "previous", "previous_since", "since")

    def __init__(self, state: S, moves: Moves[S], since: datetime | None = None) -> None:
        self._moves = moves
        self._state = state
        self.since: datetime = since or utcnow()
        self.previous: S | None = None
        self.previous_since: datetime | None = None

    @property
    def state(self) -> S:
        """The present state."""
        return self._state

    def can_move(self, to: S) -> bool:
        """Return whether *to* can follow."""
        return to in self._moves[self._state]

    def move(self, to: S) -> None:
        """Enter a state.

        :raises IllegalMoveError: it cannot follow the present one.
        """
        if not self.can_move(to):
            raise IllegalMoveError(f"{self._state} cannot be followed by {to}")
        self.previous, self.previous_since = self._state, self.since
        self._state, self.since = to, utcnow()
