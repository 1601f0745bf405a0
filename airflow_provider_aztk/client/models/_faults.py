"""Collect everything that is wrong with one configuration, and raise it as one error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_VALUE = 200
_AFTER_ROOT = re.compile(r"[.\[:]")
# A property or variable whose own name says that its value is secret, in whatever field it stands.
_SECRET_NAME = re.compile(r"[.:].*(secret|password|token|credential|(access|account)[._-]?key)", re.IGNORECASE)


class Faults:
    """What is wrong with one object.

    :param subject: the object's name, for the error.
    :param secret_fields: fields whose values are never shown.
    """

    def __init__(self, subject: str, *, secret_fields: Iterable[str] = ()) -> None:
        self.subject = subject
        self.found: list[FieldError] = []
        self._secret = frozenset(secret_fields)
        self._closed: set[str] = set()

    def add(self, field: str, value: object, fix: str) -> None:
        """Note one fault, unless the field is closed.

        :param field: the path of the field; ``"a, b"`` for two fields that contradict each other.
        :param value: the value as given; that of a secret field is not shown.
        :param fix: what to do, as an order.
        """
        roots = {_AFTER_ROOT.split(part, maxsplit=1)[0] for part in field.split(", ")}
        if roots & self._closed:
            return
        secret = _AFTER_ROOT.split(field, maxsplit=1)[0] in self._secret or _SECRET_NAME.search(field)
        shown = "'***'" if secret and value else repr(value)
        if len(shown) > _LONGEST_VALUE:
            shown = shown[: _LONGEST_VALUE - 3] + "..."
        self.found.append(FieldError(field, shown, fix))

    def add_nested(self, path: str, found: Iterable[FieldError]) -> None:
        """Note the faults of a nested model, whose values are masked already."""
        self.found.extend(FieldError(f"{path}.{fault.field}", fault.value, fault.fix) for fault in found)

    def close(self, field: str) -> None:
        """Note no more faults of a field: its value is bad, and the rules that follow see its default instead."""
        self._closed.add(field)

    def is_open(self, *fields: str) -> bool:
        """Return whether rules can be checked that depend on these fields: none of them is closed."""
        return not self._closed.intersection(fields)

    def check_unique(self, field: str, names: Iterable[str], what: str) -> None:
        """Check that names differ by more than their case, which Azure Batch ignores."""
        seen: set[str] = set()
        for name in names:
            if name.lower() in seen:
                self.add(
                    field, name, f"give each {what} a name of its own (upper and lower case are the same to Azure)"
                )
            seen.add(name.lower())

    def raise_if_any(self) -> None:
        """Raise what was found, if anything was.

        :raises InvalidConfigurationError: with all faults.
        """
        if self.found:
            raise InvalidConfigurationError(self.subject, self.found)
