"""What Azure Batch answered, read only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


class Record(Mapping[str, Any]):
    """What Azure Batch answered, read only: a mapping of the service's names, which are attributes, too.

    ``node["ipAddress"]``, ``node.ip_address`` and ``node.ipAddress`` are the same; what the service left out is None as
    an attribute where :attr:`_known` names it. Mappings inside are records as well.
    """

    __slots__ = ("_data",)
    _known: frozenset[str] = frozenset()

    def __init__(self, data: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_data", dict(data))

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._data:
            return _record(self._data[name])
        plain = name.replace("_", "").lower()  # the service's own has public_ip_address as publicIPAddress
        for found, value in self._data.items():
            if found.lower() == plain:
                return _record(value)
        if name in self._known:
            return None
        raise AttributeError(f"{type(self).__name__} has no {name!r}; it has " + ", ".join(self._data))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is read only")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._data!r})"

    def __hash__(self) -> int:
        return hash((type(self), self._data.get("id")))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data,)


def _record(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Record(value)
    return [_record(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why something failed, in Azure Batch's words.

    :param code: Batch's code, e.g. ``AccountCoreQuotaReached``; our own are ``JobEnded``, ``MasterFailed`` and
        ``TooFewWorkers``.
    :param message: what happened.
    :param values: Batch's further details.
    """

    code: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        details = "".join(f"; {name}: {value}" for name, value in self.values.items())
        return f"{self.code}: {self.message}{details}"
