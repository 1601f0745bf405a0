"""Import the public names of a package on first use, so that parsing a DAG loads only the modules that it needs.

A package that uses this imports the same names under ``TYPE_CHECKING``, for type checkers and editors.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def exports(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` function of a package (peps.python.org/pep-0562).

    :param package: the package's name.
    :param names: the module, within the package, of each public name.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{names[name]}"), name)

    return get
