"""The driver's wrapper on fake Spark: arguments, files, secrets, log, stop, and its own end."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.node import contract
from tests.node.commands.driver.support import FAST, PLAIN, outcome
from tests.node.harness import SIGNATURE, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.node.harness import FakeBatch, Task

SECRET = "Sup3rS3cret/Value="


def test_arguments_and_environment_arrive_intact(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    args = [
        "a b",
        "",
        "$HOME",
        "\"q\" 'r'",
        "ünï😀",
        "two\nlines",
        "*",
        "--x=1",
        "-y",
        "back\\slash",
        "a,b",
        "`id`",
        " ",
    ]
    env = {"PLAIN": 'va"l$ue ü', "EMPTY": ""}
    text = "import json, os, sys\nprint('GOT', json.dumps([sys.argv[1:], os.environ['PLAIN'], os.environ['EMPTY']]))"
    task = run(text, args=args, env=env)
    assert task.process.returncode == 0, task.output
    said = next(line for line in cluster.log("app").decode().splitlines() if line.startswith("GOT "))
    assert json.loads(said[4:]) == [args, env["PLAIN"], ""]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 0),
        ("import sys; sys.exit(3)", 3),
        ("raise ValueError('x')", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("import sys; sys.exit(219)", 219),
    ],
)
def test_the_programs_exit_code_is_the_tasks(
    cluster: FakeBatch, run: Callable[..., Task], text: str, code: int
) -> None:
    assert run(PLAIN + text).process.returncode == code
    assert outcome(cluster) == ("failed" if code else "success", code)


@pytest.mark.slow
@pytest.mark.parametrize("code", [min(contract.WRAPPER_EXIT_CODES), max(contract.WRAPPER_EXIT_CODES)])
def test_a_program_that_ends_with_a_code_of_the_node_code_fails_with_1(
    cluster: FakeBatch, run: Callable[..., Task], code: int
) -> None:
    assert run(PLAIN + f"import sys; sys.exit({code})").process.returncode == 1
    assert outcome(cluster) == ("failed", 1)
    assert f"the program ended with exit code {code}, which stands for something else" in cluster.log("app").decode()


@pytest.mark.slow
def test_the_log_is_both_streams_byte_for_byte(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    text = PLAIN + (
        "import os\nfor n in range(3000):\n"
        "    os.write(1, b'out %d \\xff\\x00\\r\\n' % n)\n    os.write(2, b'err %d\\n' % n)\n"
        "os.write(1, b'no newline at the end')"
    )
    task = run(text)
    expected = b"".join(b"out %d \xff\x00\r\nerr %d\n" % (n, n) for n in range(3000)) + b"no newline at the end"
    assert cluster.log("app") == expected
    assert task.stdout == expected


@pytest.mark.slow
def test_the_log_can_be_read_while_the_program_runs(
    cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path
) -> None:
    end = tmp_path / "end"
    text = PLAIN + "import os, sys, time\nprint('early', flush=True)\n"
    text += "while not os.path.exists(sys.argv[1]): time.sleep(0.05)\nprint('late')"
    task = run(text, wait=False, args=[str(end)])
    cluster.wait_for(lambda: cluster.log("app") == b"early\n", 20)
    assert cluster.get(contract.ClusterBlobs.lease("app"))
    end.touch()
    assert task.wait() == 0
    assert cluster.log("app") == b"early\nlate\n"
    assert cluster.get(contract.ClusterBlobs.lease("app")) == b""


@pytest.mark.slow
def test_files_arrive_and_modules_can_be_imported(cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path) -> None:
    module = tmp_path / "helper.zip"
    with zipfile.ZipFile(module, "w") as archive:
        archive.writestr("helper.py", "WORD = 'imported'")
    task = run(PLAIN + "import helper\nprint(helper.WORD)", py_files=[cluster.upload(module)])
    assert task.process.returncode == 0, task.output
    assert b"imported" in cluster.log("app")


def test_files_stand_in_the_drivers_working_directory(
    cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path
) -> None:
    given = {"data.csv": "1,2", "node": "n", "apps": "a", "spark": "s", "files": "f", "driver": "d", "with blank": "b"}
    refs = {}
    for name, text in given.items():
        path = tmp_path / "given" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        refs[name] = cluster.upload(path)
    module = tmp_path / "helper.py"
    module.write_text("WORD = 'imported'")
    text = PLAIN + (
        "import json, os, sys\nimport helper, beside\n"
        "found = {name: open(name).read() for name in sys.argv[1:]}\n"
        "same = os.path.dirname(os.path.abspath(__file__)) == os.getcwd() == os.environ['PWD']\n"
        "print('GOT', json.dumps([found, sorted(os.listdir('.')), same, os.environ['AZ_BATCH_TASK_WORKING_DIR']]))"
    )
    beside = tmp_path / "beside.py"
    beside.write_text("")
    files = [*refs.values(), cluster.upload(beside)]
    task = run(text, args=list(given), files=files, py_files=[cluster.upload(module)])
    assert task.process.returncode == 0, task.output
    said = next(line for line in cluster.log("app").decode().splitlines() if line.startswith("GOT "))
    found, listed, same, workdir = json.loads(said[4:])
    assert found == given
    assert set(listed) - {"__pycache__"} == {*given, "app.py", "helper.py", "beside.py"}
    assert same
    assert workdir == str(task.directory / "wd")


@pytest.mark.slow
def test_each_attempt_has_a_clean_directory(cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("1")
    text = PLAIN + (
        "import os\nprint('LISTED', sorted(os.listdir('.')))\nopen('left', 'w').close()\nos.rename('data.csv', 'x')\n"
    )
    for _ in range(2):
        assert run(text, files=[cluster.upload(data)]).process.returncode == 0
    listed = [line for line in cluster.log("app").decode().splitlines() if line.startswith("LISTED")]
    assert listed == ["LISTED ['app.py', 'data.csv']"] * 2


@pytest.mark.slow
def test_two_files_of_one_name_are_bad_input(cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path) -> None:
    refs = []
    for number in (1, 2):
        path = tmp_path / str(number) / "data.csv"
        path.parent.mkdir()
        path.write_text(str(number))
        refs.append(cluster.upload(path))
    assert run(PLAIN, files=refs).process.returncode == contract.EXIT_BAD_INPUT
    assert b"two files are named data.csv" in cluster.log("app")
    assert run(PLAIN, name="again", files=[refs[0], refs[0]]).process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(("conf", "name"), [({}, "app"), ({"spark.app.name": "mine"}, "mine")])
def test_spark_knows_the_application_by_its_name(
    cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path, conf: dict[str, str], name: str
) -> None:
    end = tmp_path / "end"
    text = "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.05)\n"
    task = run(text, wait=False, args=[str(end)], conf=conf)
    master = cluster.wait_for_master()

    def names() -> list[str]:
        with urllib.request.urlopen(f"http://{master['host']}:{master['web_port']}/json/") as answer:
            return [app.get("name", "") for app in json.load(answer)["activeapps"]]

    assert cluster.wait_for(names, 30) == [name]
    end.touch()
    assert task.wait() == 0


@pytest.mark.slow
def test_scripts_know_where_they_run(shared: FakeBatch, cluster: FakeBatch, run: Callable[..., Task]) -> None:
    names = ["IS_MASTER", "IS_WORKER", "AZTK_IS_MASTER", "AZTK_IS_WORKER", "AZTK_MASTER_IP", "AZTK_CLUSTER_ID"]
    script = "echo GOT " + " ".join(f"${{{name}-unset}}" for name in names) + " $AZTK_WORKING_DIR $PWD\n"
    shared.put("node/scripts/00-told", script.encode())
    shared.define(scripts=[{"name": "told", "file": "node/scripts/00-told", "run_on": "all-nodes"}])
    try:
        driver = run(PLAIN, env={"X": "1"})
        worker = cluster.start("worker", "aztk-worker-001", env={"AZ_BATCH_JOB_ID": "my-cluster"})
        cluster.wait_for(lambda: cluster.get(contract.ClusterBlobs.worker("aztk-worker-001")), 30)
        worker.terminate()
    finally:
        shared.define(worker_on_master=False)
        shared.container.delete_blob("node/scripts/00-told")
    master = cluster.wait_for_master()
    place = driver.directory / "wd" / "attempts" / "1"
    assert _said(driver) == ["1", "0", "true", "false", master["host"], "unset", str(place), str(place)]
    place = worker.directory / "wd" / "attempts" / "1"
    assert _said(worker) == ["0", "1", "false", "true", "unset", "my-cluster", str(place), str(place)]


def _said(task: Task) -> list[str]:
    return next(line.split()[1:] for line in task.output.splitlines() if line.startswith("GOT "))


@pytest.mark.slow
def test_a_folder_of_scripts_runs_in_its_own_directory(
    shared: FakeBatch, cluster: FakeBatch, run: Callable[..., Task]
) -> None:
    files = {
        "node/scripts/00-my setup/first.sh": b"#!/bin/sh\nset -e\n. ./lib/words.sh\n./tool\necho $WORD in $PWD\n",
        "node/scripts/00-my setup/lib/words.sh": b"WORD=first\n",
        "node/scripts/00-my setup/tool": b"#!/bin/sh\necho tool ran\n",
        "node/scripts/00-my setup/second.sh": b"echo second ran\n",
    }
    for name, data in files.items():
        shared.put(name, data)
    listed = {"name": "setup", "file": "node/scripts/00-my setup/first.sh", "run_on": "master"}
    shared.define(scripts=[listed])
    try:
        task = run(PLAIN)
    finally:
        shared.define(worker_on_master=False)
        for name in files:
            shared.container.delete_blob(name)
    assert task.process.returncode == 0, task.output
    assert b"tool ran\n" in cluster.log("app")
    assert f"first in {task.directory / 'wd' / 'attempts' / '1' / 'scripts' / '00-my setup'}\n".encode() in cluster.log(
        "app"
    )
    assert b"second ran" not in cluster.log("app")


def test_a_file_that_is_not_what_was_uploaded_is_refused(
    cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path
) -> None:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"good")
    ref = cluster.upload(jar)
    cluster.put(ref["blob"], b"evil")
    assert run("", jars=[ref]).process.returncode == contract.EXIT_BAD_INPUT
    assert b"a.jar is not what was uploaded" in cluster.log("app")
    assert outcome(cluster) == ("failed", contract.EXIT_BAD_INPUT)


def test_secrets_reach_the_program_and_nothing_else(
    cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path
) -> None:
    end = tmp_path / "end"
    secrets = {"conf": {"spark.hadoop.fs.azure.account.key.x": SECRET}, "env": {"TOKEN": SECRET[::-1]}}
    cluster.put_json(contract.ApplicationBlobs("app").secrets, secrets)
    text = "import os, sys, time\nprint('length', len(os.environ['TOKEN']), flush=True)\n"
    text += "while not os.path.exists(sys.argv[1]): time.sleep(0.05)\n"
    task = run(text, wait=False, args=[str(end)])
    cluster.wait_for(lambda: b"length" in cluster.log("app"), 20)
    lines = _command_lines(task)
    path = _properties_file(lines)
    properties = os.stat(path)
    with open(path) as file:
        assert SECRET in file.read()
    assert properties.st_mode & 0o777 == 0o600
    end.touch()
    assert task.wait() == 0
    assert not os.path.exists(path)
    known = [SECRET.encode(), SECRET[::-1].encode(), cluster.secret.encode()]
    shown = [b" ".join(line) for line in lines] + [cluster.log("app")]
    shown += [file.read_bytes() for file in task.directory.rglob("*") if file.is_file()]
    assert not [text for text in shown if any(secret in text for secret in known)]


@pytest.mark.slow
@pytest.mark.parametrize("stubborn", [False, True])
def test_a_program_ends_when_the_application_is_stopped(
    cluster: FakeBatch, run: Callable[..., Task], monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    text = PLAIN + "import signal, time\n"
    text += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if stubborn else ""
    text += "print('started', flush=True)\ntime.sleep(600)\n"
    task = run(text, wait=False)
    cluster.wait_for(lambda: b"started" in cluster.log("app"), 20)
    cluster.put(contract.ApplicationBlobs("app").stop, b"")
    assert task.wait(40) == contract.EXIT_STOPPED
    assert outcome(cluster) == ("stopped", contract.EXIT_STOPPED)
    assert cluster.log("app") == b"started\naztk: stopped on request\n"
    assert _command_lines(task) == []


def test_an_application_that_was_stopped_before_never_starts(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    cluster.put(contract.ApplicationBlobs("app").stop, b"")
    assert run(PLAIN + "print('ran')").process.returncode == contract.EXIT_STOPPED
    assert b"ran" not in cluster.log("app")


@pytest.mark.slow
def test_a_terminated_driver_ends_its_program_and_uploads_its_log(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    text = PLAIN + "import subprocess, sys, time\nprint('started', flush=True)\n"
    text += "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\ntime.sleep(600)\n"
    task = run(text, wait=False)
    cluster.wait_for(lambda: b"started" in cluster.log("app"), 20)
    assert task.terminate() == 143
    assert outcome(cluster) == ("stopped", 143)
    assert _command_lines(task) == []


@pytest.mark.slow
def test_nothing_survives_a_killed_wrapper(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    text = PLAIN + "import subprocess, sys, time\n"
    text += "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    text += "print('started', flush=True)\ntime.sleep(600)\n"
    task = run(text, wait=False)
    cluster.wait_for(lambda: b"started" in cluster.log("app"), 20)
    path = _properties_file(_command_lines(task))
    task.kill()
    cluster.wait_for(lambda: not _command_lines(task), 10, "the end of all children")
    assert not os.path.exists(path), "nor do the secrets"


@pytest.mark.slow
def test_a_program_that_leaves_a_daemon_behind_still_ends(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    text = PLAIN + "import subprocess, sys\nprint('done', flush=True)\n"
    text += "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    started = time.monotonic()
    task = run(text)
    assert task.process.returncode == 0
    assert time.monotonic() - started < 30
    assert cluster.log("app") == b"done\n"
    assert _command_lines(task) == []


def test_a_driver_whose_documents_are_broken_reports_that_in_its_log(cluster: FakeBatch) -> None:
    cluster.put(contract.ApplicationBlobs("app").definition, b'{"version": 99}')
    task = cluster.start("driver", "app")
    assert task.wait() == contract.EXIT_BAD_INPUT
    assert b"version 99" in cluster.log("app")
    assert outcome(cluster) == ("failed", contract.EXIT_BAD_INPUT)


@pytest.mark.slow
def test_an_application_uses_its_own_newer_sas(cluster: FakeBatch, run: Callable[..., Task], tmp_path: Path) -> None:
    cluster.put_json(contract.ApplicationBlobs("app").access, {"container_url": cluster.url})
    stale = cluster.url.replace("sig=", "sig=stale")
    cluster.wait_for_master()
    cluster.put_json(contract.ClusterBlobs.ACCESS, {"container_url": stale})
    task = run(PLAIN + "print('fresh')")
    assert task.process.returncode == 0, task.output
    assert cluster.log("app") == b"fresh\n"


def test_the_output_of_the_node_code_has_no_sas_and_no_secret(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    task = run(PLAIN + "print('x')")
    assert "sig=" not in task.output
    assert cluster.secret not in task.output


def _command_lines(task: Task) -> list[list[bytes]]:
    """Return the command lines of all of a task's processes but its wrapper."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(pid) == task.process.pid or not os.readlink(f"/proc/{pid}/cwd").startswith(str(task.directory)):
                continue
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                found.append(file.read().split(b"\0"))
        except OSError:
            continue
    return [line for line in found if line != [b""]]


def _properties_file(lines: list[list[bytes]]) -> bytes:
    """Find the file of properties that spark-submit was given."""
    return next(line[line.index(b"--properties-file") + 1] for line in lines if b"--properties-file" in line)


def test_a_program_at_a_signed_address_runs_and_its_signature_is_not_seen(cluster: FakeBatch, tmp_path: Path) -> None:
    (tmp_path / "unused.py").write_text("")
    site = Site()
    site.body = (
        b"import os, sys\nprint('RAN', sys.argv[0].rpartition('/')[2])\n# fake-spark: no spark context\n"
        b"print('BESIDE', open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data.csv')).read())\n"
    )
    data = tmp_path / "data.csv"
    data.write_text("1,2")
    signed = {"url": site.url, "name": "app.py"}
    try:
        cluster.submit("signed", tmp_path / "unused.py", application=signed, files=[cluster.upload(data)])
        task = cluster.start("driver", "signed", env=FAST)
        assert task.wait() == 0, task.output
    finally:
        site.close()
    log = cluster.log("signed").decode()
    assert "RAN app.py" in log
    assert "BESIDE 1,2" in log, "as beside a program that was uploaded"
    assert SIGNATURE not in log + task.output


def test_a_result_is_final_when_batch_does_not_try_again(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    finals = []
    for _ in range(2):
        assert run("raise SystemExit(9)\n", max_retry_count=1).process.returncode == 9
        found = cluster.get_json(contract.ApplicationBlobs("app").result)
        assert found is not None
        finals.append((found["attempt"], found["final"]))
    assert finals == [(1, False), (2, True)]
    assert cluster.get_json(contract.ApplicationBlobs("app").attempt) == {
        "version": 1,
        "attempt": 2,
        "node_id": "node-" + cluster.tasks[-1].host,
        "failures": 1,
    }


@pytest.mark.skipif(sys.platform != "linux", reason="open files are looked up in /proc")
def test_the_spool_of_the_log_is_in_the_tasks_directory(cluster: FakeBatch, run: Callable[..., Task]) -> None:
    task = run(PLAIN + "import time\nprint('here', flush=True)\ntime.sleep(600)\n", wait=False)
    cluster.wait_for(lambda: b"here" in cluster.log("app"))
    folder = Path(f"/proc/{task.process.pid}/fd")
    opened = [os.readlink(path) for path in folder.iterdir() if path.is_symlink()]
    spools = [path for path in opened if path.endswith(" (deleted)") and "aztk-" in Path(path).name]
    assert [Path(path).parent for path in spools] == [task.directory / "wd" / "attempts" / "1"]
    task.terminate()
