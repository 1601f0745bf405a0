"""The base of all triggers: arguments that are plain JSON, and the wait in a triggerer and in a worker."""

from __future__ import annotations

import inspect
import json
from importlib import import_module

import pytest

from airflow_provider_aztk.triggers.base import AztkTrigger
from tests.support.fake_wait import (
    EXAMPLES,
)


def all_triggers() -> set[type[AztkTrigger]]:
    """Find the concrete triggers."""
    found, rest = set(), [AztkTrigger]
    while rest:
        for cls in rest.pop().__subclasses__():
            rest.append(cls)
            if not inspect.isabstract(cls) and cls.__module__.startswith("airflow_provider_aztk"):
                found.add(cls)
    return found


def test_every_trigger_has_an_example() -> None:
    assert all_triggers() == set(EXAMPLES)


@pytest.mark.parametrize("cls", EXAMPLES)
def test_a_trigger_is_the_same_after_serialization(cls: type[AztkTrigger]) -> None:
    kwargs = EXAMPLES[cls]
    path, sent = cls(**kwargs).serialize()
    assert sent == kwargs, "every argument of the constructor has an example, and travels"
    assert json.loads(json.dumps(sent)) == sent
    module, _, name = path.rpartition(".")
    again = getattr(import_module(module), name)(**json.loads(json.dumps(sent)))
    assert again.serialize() == (path, sent)


def test_a_trigger_with_positional_arguments_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="keyword-only"):
        type("Bad", (AztkTrigger,), {"__init__": lambda self, aztk_conn_id: None})
