"""What is saved of a durable task, and what a task does without it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.airflow_home import Context
from tests.support.fake_client import Client, defer, event


def test_without_a_state_store_it_still_works(client: Client, app: Any) -> None:
    context = Context()
    context["task_state_store"] = None
    assert app.execute_complete(context, event(defer(app, context)))["outcome"] == "success"


def test_a_state_store_that_fails_does_not_undo_the_work(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)

    class Broken(dict[str, Any]):
        def get(self, *_: object) -> Any:
            raise RuntimeError("the API server is restarting")

    context["task_state_store"] = Broken(context["task_state_store"])
    assert app.execute_complete(context, event(remote))["outcome"] == "success"


def test_a_store_that_fails_at_the_end_does_not_fail_the_task(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)

    def fail(*_: object) -> None:
        raise RuntimeError("API server: 500")

    context["task_state_store"].set = fail
    assert app.execute_complete(context, event(remote))["outcome"] == "success"


def test_a_result_that_is_too_large_for_the_store_is_not_saved(client: Client, app: Any) -> None:
    context = Context()
    remote = defer(app, context)
    result = app.execute_complete(context, event(remote, failure="x" * 100_000))
    assert result["outcome"] == "success"
    assert len(str(context["task_state_store"])) < 1000


@pytest.mark.parametrize("kwargs", [{"clear_number": 1}, {}])
def test_a_clear_starts_anew(client: Client, app: Any, kwargs: dict[str, int]) -> None:
    context = Context()
    first = defer(app, context)
    app.execute_complete(context, event(first))
    cleared = Context(try_number=2, store=context["task_state_store"], **kwargs)
    cleared["ti"].max_tries += 1  # as a clear does, also where it leaves the run's count alone
    assert defer(app, cleared) != first
