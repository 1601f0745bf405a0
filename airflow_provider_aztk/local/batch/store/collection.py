"""A set of records by id, case-insensitive and in the order in which lists show them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Collection", "HasId"]


class HasId(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=HasId)


class Collection(Generic[R]):
    """Records by id; iteration and paging go by id, as the service's lists do."""

    def __init__(self) -> None:
        self._by_key: dict[str, R] = {}
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, record_id: str) -> bool:
        return record_id.lower() in self._by_key

    def __iter__(self) -> Iterator[R]:
        return iter([self._by_key[key] for key in self._keys])

    def get(self, record_id: str) -> R | None:
        """Find a record, whatever the capitals of its id."""
        return self._by_key.get(record_id.lower())

    def add(self, record: R) -> None:
        """Take a record in; its id must be new."""
        key = record.id.lower()
        if key in self._by_key:
            raise KeyError(key)
        self._by_key[key] = record
        insort(self._keys, key)

    def remove(self, record_id: str) -> None:
        """Forget a record; nothing happens if there is none."""
        key = record_id.lower()
        if self._by_key.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]

    def after(self, token: str | None) -> Iterator[R]:
        """Iterate from the first id greater than *token*: a page is found without counting."""
        start = 0 if token is None else bisect_right(self._keys, token.lower())
        for key in self._keys[start:]:
            record = self._by_key.get(key)
            if record is not None:
                yield record
