"""Applications on a cluster: arguments, outcomes, logs, retries, stopping."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import Client, errors, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # real nodes of the emulator: seconds each

WAIT = {"timeout": 60, "poll_interval": 0.5}


def app(name: str, program: str, **fields: object) -> models.ApplicationConfiguration:
    return models.ApplicationConfiguration(name=name, application=program, **fields)  # type: ignore[arg-type]


def test_arguments_and_environment_arrive_unchanged(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("import json, os, sys\nprint(json.dumps([sys.argv[1:], os.environ['GREETING']]))\n")
    args = ["plain", "with blank", "quo'te", 'dou"ble', "$HOME `id` $(id)", "ünïcode ☃", "", "--flag=x", "back\\slash"]
    client.submit(
        two_nodes, app("args", program, application_args=args, env={"GREETING": "hällo wörld"}), wait=True, **WAIT
    )
    log = client.get_application_log(two_nodes, "args").log
    line = next(line for line in log.splitlines() if line.startswith("[["))
    assert json.loads(line) == [args, "hällo wörld"]


def test_an_exit_code_is_reported_with_the_log(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("import sys\nprint('about to fail')\nsys.exit(3)\n")
    client.submit(two_nodes, app("bad", program))
    done = client.wait_until_application_done(two_nodes, "bad", **WAIT)
    assert (done.outcome, done.exit_code) == (models.Outcome.FAILED, 3)
    assert "exit code 3" in str(done.failure)
    log = client.get_application_log(two_nodes, "bad")
    assert "about to fail" in log.log
    assert (log.exit_code, log.application_state) == (3, "completed")
    assert client.get_application_status(two_nodes, "bad") == "completed"


def test_submitting_again_is_the_same_submission(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("print('once')\n")
    client.submit(two_nodes, app("once", program))
    client.submit(two_nodes, app("once", program), wait=True, **WAIT)
    client.submit(two_nodes, app("once", program))
    assert [found.name for found in client.list_cluster_applications(two_nodes)] == ["once"]
    assert client.get_application_log(two_nodes, "once").log.count("once") == 1
    with pytest.raises(errors.ApplicationExistsError, match="another definition"):
        client.submit(two_nodes, app("once", program, application_args=["other"]))
    with pytest.raises(errors.ApplicationExistsError, match="ignores the case"):
        client.submit(two_nodes, app("ONCE", program))


def test_a_lost_answer_submits_once(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    stack.admin.http_fault(operation="create_task_collection", kind="reset", after=True, count=1)
    client.submit(two_nodes, app("a", write_program("print('ran')\n")), wait=True, **WAIT)
    assert client.get_application_log(two_nodes, "a").log.count("ran") == 1


def test_the_log_grows_while_it_runs_and_is_whole_afterwards(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    text = "import time\nfor i in range(40):\n    print('line', i, 'ä' * 20, flush=True)\n    time.sleep(0.2)\n"
    client.submit(two_nodes, app("chatty", write_program(text)))
    seen = b""
    live = 0
    end = time.monotonic() + 60
    while True:
        chunk = client.read_log(two_nodes, "chatty", len(seen))
        seen += chunk.data
        done = client.get_application(two_nodes, "chatty").state.is_terminal
        live += bool(chunk.data) and not done
        if done and not chunk.data:
            break
        assert time.monotonic() < end
        time.sleep(0.3)
    assert live >= 2  # it came in parts, while it ran
    assert b"".join(client.stream_application_log(two_nodes, "chatty")) == seen
    expected = "".join(f"line {i} {'ä' * 20}\n" for i in range(40))
    assert expected in seen.decode()
    last = client.get_application_log(two_nodes, "chatty", tail=True, current_bytes=len(seen))
    assert (last.log, last.total_bytes, last.application_state) == ("", len(seen), "completed")


def test_a_stopped_application_ends_with_its_log(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    client.submit(two_nodes, app("sleeper", write_program("import time\nprint('zzz', flush=True)\ntime.sleep(600)\n")))
    end = time.monotonic() + 30
    while b"zzz" not in client.read_log(two_nodes, "sleeper").data:
        assert time.monotonic() < end
        time.sleep(0.3)
    assert not client.is_application_stopping(two_nodes, "sleeper")
    assert client.stop_application(two_nodes, "sleeper")
    assert client.is_application_stopping(two_nodes, "sleeper")
    done = client.wait_until_application_done(two_nodes, "sleeper", **WAIT)
    assert done.outcome is models.Outcome.STOPPED
    assert not client.stop_application(two_nodes, "sleeper")


def test_a_failing_application_is_run_again_as_often_as_asked(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    client.submit(two_nodes, app("again", write_program("print('try')\nraise SystemExit(4)\n"), max_retry_count=1))
    done = client.wait_until_application_done(two_nodes, "again", **WAIT)
    assert (done.exit_code, done.retry_count) == (4, 1)
    assert client.get_application_log(two_nodes, "again").log.count("try") >= 2


def test_a_wall_clock_limit_ends_an_application(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("import time\ntime.sleep(600)\n")
    client.submit(two_nodes, app("slow", program, max_wall_clock=3))
    done = client.wait_until_application_done(two_nodes, "slow", **WAIT)
    assert done.outcome is not models.Outcome.SUCCESS


def test_secrets_reach_the_driver_and_nothing_else(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    stack.admin.record()
    program = write_program("import os\nprint('length', len(os.environ['TOKEN']))\n")
    secret = "hush-hush-4711"
    client.submit(two_nodes, app("s", program, secret_env={"TOKEN": secret}), wait=True, **WAIT)
    log = client.get_application_log(two_nodes, "s").log
    assert f"length {len(secret)}" in log
    assert secret not in log
    assert not any(secret in str(request["body"]) for request in stack.admin.requests())


def test_any_number_with_one_request_a_hundred(
    client: Client, stack: LocalStack, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("pass\n")
    stack.admin.record()
    stack.admin.forget_requests()
    client.submit_all_applications(two_nodes, [app(f"app-{index}", program) for index in range(150)])
    operations = [request["operation"] for request in stack.admin.requests()]
    assert operations.count("create_task_collection") == 2
    assert len(client.list_cluster_applications(two_nodes)) == 150


def test_no_cluster_no_submission(client: Client, write_program: Callable[..., str]) -> None:
    with pytest.raises(errors.ClusterNotFoundError, match="'nowhere'"):
        client.submit("nowhere", app("a", write_program("pass\n")))
    with pytest.raises(errors.JobNotFoundError):
        client.get_application("nowhere", "a")


def test_logs_are_kept_when_asked(client: Client, two_nodes: str, write_program: Callable[..., str]) -> None:
    client.submit(two_nodes, app("a", write_program("print('remember me')\n")), wait=True, **WAIT)
    client.delete_cluster(two_nodes, keep_logs=True, wait=True)
    log = client.get_application_log(two_nodes, "a")
    assert "remember me" in log.log
    assert (log.application_state, log.exit_code) == ("completed", 0)
    client.delete_cluster(two_nodes)
    with pytest.raises(errors.ApplicationNotFoundError):
        client.get_application_log(two_nodes, "a")


def test_a_log_of_several_reads_is_whole(client: Client, two_nodes: str, write_program: Callable[..., str]) -> None:
    line = "0123456789abcdef" * 64
    program = write_program(f"for i in range(9000):\n    print(i, '{line}')\n")  # 9 MiB, a read has four at most
    client.submit(two_nodes, app("long", program), wait=True, **WAIT)
    expected = "".join(f"{i} {line}\n" for i in range(9000))
    assert expected in client.get_application_log(two_nodes, "long").log
    assert expected.encode() in b"".join(client.stream_application_log(two_nodes, "long"))


def test_an_executor_that_no_node_can_hold_is_refused_before_anything_is_written(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    program = write_program("print('never')\n")
    with pytest.raises(errors.InvalidConfigurationError, match=r"executor_memory='400g': give at most"):
        client.submit(two_nodes, app("huge", program, executor_memory="400g"))
    client.submit(two_nodes, app("huge", program))  # the name is not taken
