"""Why a driver failed, read from logs that Spark 4.1 wrote (``driver_logs/``, with fewer frames of Java)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aztk.logs.causes import evidence, find_cause

LOGS = Path(__file__).parent / "driver_logs"
#: What each program's log is to say: its exit code, the error it begins with, a part of where, a part of the notes.
EXPECTED = {
    "exec_value": (
        1,
        "ValueError: bad record",
        "exec_value.py, line 6, in parse, called at exec_value.py, line 10",
        "",
    ),
    "exec_udf": (1, "ValueError: bad record", "exec_udf.py, line 10, in parse", ""),
    "exec_chain": (
        1,
        "KeyError: 'b'",
        "exec_chain.py, line 6, in parse, called at",
        "raised as SystemError: load failed",
    ),
    "exec_module": (1, "ModuleNotFoundError: No module named 'not_installed'", "line 5, in use, called at", "py_files"),
    "exec_killed": (1, "ExecutorLostFailure (executor 3 exited", "exec_killed.py, line 18", "137 means killed"),
    "exec_oom": (1, "java.lang.OutOfMemoryError: Java heap space", "exec_oom.py, line 4", "executor_memory"),
    "driver_oom": (52, "java.lang.OutOfMemoryError: Java heap space", "driver_oom.py, line 4", "driver_memory"),
    "driver_value": (1, "ValueError: limit 12 is too high\nsecond line of it", "line 8, in check", ""),
    "driver_memory_small": (1, "org.apache.spark.SparkIllegalArgumentException: [INVALID_DRIVER_MEMORY]", "line 2", ""),
    "table_missing": (
        1,
        "pyspark.errors.exceptions.captured.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table",
        "table_missing.py, line 5, in report",
        "",
    ),
    "column_missing": (
        1,
        "pyspark.errors.exceptions.captured.AnalysisException: [UNRESOLVED_COLUMN",
        "column_missing.py, line 4",
        "",
    ),
    "path_missing": (
        1,
        "pyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist",
        "path_missing.py, line 4",
        "",
    ),
    "rdd_path_missing": (1, "java.io.IOException: Input path does not exist", "rdd_path_missing.py, line 4", ""),
    "module_missing": (1, "ModuleNotFoundError: No module named 'not_installed'", "line 4", "requirements or py_files"),
    "class_missing": (1, "java.lang.ClassNotFoundException: com.example.Missing", "line 4", "jars or packages"),
    "abfss_missing": (1, "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.azurebfs", "line 4", "packages"),
    "bad_cast": (1, "pyspark.errors.exceptions.captured.NumberFormatException: [CAST_INVALID_INPUT]", "line 4", ""),
    "worker_crash": (
        1,
        "org.apache.spark.SparkException: Python worker exited unexpectedly",
        "line 5, in <module>",
        "",
    ),
    "exec_java": (1, "pyspark.errors.exceptions.captured.SparkRuntimeException: [USER_RAISED_EXCEPTION]", "line 4", ""),
    "source_missing": (1, "java.lang.ClassNotFoundException: com.example.source.DefaultSource", "line 4", "packages"),
    "file_missing": (1, "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'", "line 4", ""),
    "killed_self": (137, "about to die", "", "137 means killed"),
    "program_missing": (2, "/usr/bin/python: can't open file", "", ""),
    "write_denied": (1, "java.io.IOException: Mkdirs failed to create file:/proc/nothing", "line 4", ""),
    "main_missing": (101, "Error: Failed to load class com.example.Missing.", "", "jars or packages"),
    "syntax": (1, "SyntaxError: invalid syntax", "syntax.py, line 4", ""),
    "exit_three": (3, "nothing to do: the input is empty", "", ""),
    "exit_text": (1, "the input is empty", "", ""),
    "handled_then_value": (1, "ValueError: and now for something else", "line 11, in <module>", ""),
    "handled_then_exit": (4, "no rows were written", "", "handled: ValueError: invalid literal for int()"),
    "java_driver": (
        1,
        'java.lang.NumberFormatException: For input string: "x"',
        "Load.main(Load.java:23)",
        "raised as java.lang.IllegalStateException: settings are broken",
    ),
    "java_executor": (1, 'java.lang.NumberFormatException: For input string: "x0"', "Load$Inner.call(Load.java:9)", ""),
    "java_class": (1, "java.lang.ClassNotFoundException: com.example.Missing", "Load.main(Load.java:29)", "jars"),
    "java_memory": (1, "java.lang.OutOfMemoryError: Java heap space", "Load.main(Load.java:33)", "driver_memory"),
}


def log(name: str) -> list[str]:
    return (LOGS / f"{name}.txt").read_text().splitlines()


def test_each_log_is_tried() -> None:
    assert {path.stem for path in LOGS.glob("*.txt")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_root_cause_is_found(name: str) -> None:
    code, error, where, note = EXPECTED[name]
    cause = find_cause(log(name), code)
    assert cause is not None
    assert cause.error.startswith(error)
    assert where in cause.where
    assert bool(where) == bool(cause.where)
    assert any(note in said for said in cause.notes) or not note
    assert len(cause.lines()) <= 8
    assert max(map(len, cause.lines())) <= 500


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_evidence_is_short_and_has_no_frames_of_java(name: str) -> None:
    found = evidence(log(name))
    assert 0 < len(found) <= 20
    assert max(map(len, found)) <= 500
    assert not [line for line in found if line.lstrip().startswith("at ") or " INFO " in line[:30]]


def test_the_root_cause_may_stand_far_above_the_end() -> None:
    lines = log("exec_value")
    assert len(lines) - max(i for i, line in enumerate(lines) if "ValueError: bad record" in line) > 30
    more = [*lines, *["26/11/25 02:47:35 INFO BlockManager: BlockManager stopped"] * 500]
    assert find_cause(more, 1) == find_cause(lines, 1)


def test_the_beginning_may_be_cut_off_anywhere() -> None:
    lines = log("exec_value")
    last = max(i for i, line in enumerate(lines) if line == "Traceback (most recent call last):")
    for begin in range(0, last + 1, 7):
        cause = find_cause(lines[begin:], 1)
        assert cause is not None
        assert cause.error == "ValueError: bad record"


def test_only_the_last_attempt_counts() -> None:
    lines = [*log("exec_value"), "--- aztk: attempt 2 on node tvm-1 ---", *log("exit_three")]
    cause = find_cause(lines, 3)
    assert cause is not None
    assert cause.error == "nothing to do: the input is empty"
    assert not [line for line in evidence(lines) if "bad record" in line]


HEAD = 'Traceback (most recent call last):\n  File "/x/a.py", line 2, in f\n'
SECOND = 'Traceback (most recent call last):\n  File "/x/a.py", line 9, in g\n'
HANDLING = "\nDuring handling of the above exception, another exception occurred:\n\n"
#: What Python says before the tracebacks of errors that end no program.
ASIDES = (
    "Exception ignored in: <function X.__del__ at 0x7f>",
    "Exception ignored in atexit callback: <function bye at 0x7f>",
    "Error in atexit._run_exitfuncs:",
    "--- Logging error ---",
)
GROUP = (
    "  + Exception Group Traceback (most recent call last):\n"
    '  |   File "/x/a.py", line 9, in <module>\n  |     asyncio.run(main())\n'
    "  | ExceptionGroup: several (1 sub-exception)\n  +-+---------------- 1 ----------------\n"
)
SUB = (
    "    | Traceback (most recent call last):\n"
    '    |   File "/x/a.py", line 5, in f\n    |     raise ValueError("bad record")\n    | ValueError: bad record\n'
)
GROUP_END = "    +------------------------------------\n"
JVM_DIED = (
    "26/11/25 02:58:56 ERROR SparkUncaughtExceptionHandler: Uncaught exception in thread x\n"
    "java.lang.OutOfMemoryError: GC overhead limit exceeded\n\tat a.b.C.d(E.java:1)\n"
)
NO_MEMORY = (
    "py4j.protocol.Py4JJavaError: An error occurred while calling o1.x.\n"
    ": org.apache.spark.memory.SparkOutOfMemoryError: [UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 65536 bytes"
    " of memory, got 0. SQLSTATE: 53200\n\tat a.b.C.d(E.java:1)"
)


@pytest.mark.parametrize(
    ("text", "code", "error", "where"),
    [
        (f"\x1b[31m{HEAD}\x1b[0mKeyError: 'k'", 1, "KeyError: 'k'", "a.py, line 2, in f"),
        (f"{HEAD}KeyError: 1\n{HANDLING}{SECOND}TypeError: no", 1, "TypeError: no", "a.py, line 9, in g"),
        (f"ERROR:root:job failed\n{HEAD}KeyError: 1", 3, "KeyError: 1", "line 2"),
        (f"{HEAD}KeyboardInterrupt", 1, "KeyboardInterrupt", "a.py"),
        ("python3: can't open file '/x/a.py': [Errno 2] No such file or directory", 2, "python3: can't open file", ""),
        ("Error occurred during initialization of VM\nToo small", 1, "Error occurred during initialization of VM", ""),
        (f"{HEAD}ConnectionRefusedError: [Errno 111] Connection refused", 1, "ConnectionRefusedError", "a.py, line 2"),
        (
            f"{JVM_DIED}{HEAD}py4j.protocol.Py4JNetworkError: Answer from Java side is empty",
            52,
            "java.lang.OutOfMemoryError: GC overhead limit exceeded",
            "a.py, line 2",
        ),
        (HEAD + NO_MEMORY, 1, "org.apache.spark.memory.SparkOutOfMemoryError: [UNABLE_TO_ACQUIRE_MEMORY]", "line 2"),
        *((f"{HEAD}KeyError: 1\n{aside}\n{SECOND}TypeError: no", 1, "KeyError: 1", "line 2") for aside in ASIDES),
        (f"{ASIDES[0]}\n{HEAD}KeyError: 1", 1, "KeyError: 1", "line 2"),
        (GROUP + SUB + GROUP_END, 1, "ValueError: bad record", "a.py, line 5, in f"),
        (f"{GROUP}    | ValueError: bare\n{GROUP_END}", 1, "ExceptionGroup: several (1 sub-exception)", "a.py, line 9"),
        (
            'Exception in thread "main" java.lang.Error: outer\n\tSuppressed: java.io.IOException: close\n'
            "\t\tat com.acme.Res.close(Res.scala:3)\n\tat com.acme.Main$.run(Main.scala:10)",
            1,
            "java.lang.Error: outer",
            "com.acme.Main$.run(Main.scala:10)",
        ),
    ],
)
def test_siblings(text: str, code: int, error: str, where: str) -> None:
    cause = find_cause(text.splitlines(), code)
    assert cause is not None
    assert cause.error.startswith(error)
    assert where in cause.where


@pytest.mark.parametrize(
    ("text", "code", "error", "note"),
    [
        (
            "ERROR: No matching distribution found for nope\naztk: pip could not install the requirements: exit code 1",
            222,
            "pip could not install the requirements: exit code 1",
            "No matching distribution found for nope",
        ),
        ("aztk: two files are named data.csv: rename one of them\n", 223, "two files are named data.csv", ""),
        ("about to die", 137, "about to die", "137 means killed"),
        (f"{HEAD}KeyError: 1", 137, "the program was killed: exit code 137", "handled: KeyError: 1"),
        (f"{HEAD}ConnectionRefusedError: [Errno 111]", 137, "ConnectionRefusedError", "137 means killed"),
    ],
)
def test_what_ended_it_from_outside_is_reported(text: str, code: int, error: str, note: str) -> None:
    cause = find_cause(text.splitlines(), code)
    assert cause is not None
    assert cause.error.startswith(error)
    assert note in "; ".join(cause.notes)


def test_what_is_suppressed_is_no_part_of_the_message() -> None:
    text = 'Exception in thread "main" java.lang.Error: outer\n\tSuppressed: java.io.IOException: close'
    cause = find_cause(text.splitlines(), 1)
    assert cause is not None
    assert cause.error == "java.lang.Error: outer"


@pytest.mark.parametrize("unit", ["x", "a.", "$", "a/", "\tat a.", "python", "OutOfMemoryError_", '  File "a", line 1'])
def test_endless_lines_take_no_endless_time(unit: str) -> None:
    lines = [(unit * 16384)[:16384]] * 16  # as much as is read of a log, in the longest lines that there are
    began = time.process_time()
    find_cause(lines, 1)
    evidence(lines)
    assert time.process_time() - began < 2


def test_a_log_that_says_nothing_gives_no_cause() -> None:
    assert find_cause([], 1) is None
    assert evidence([]) == []
    assert find_cause(["26/11/25 02:47:35 INFO SparkContext: Successfully stopped SparkContext"], 1) is None


@given(st.lists(st.sampled_from([line for name in ("exec_chain", "java_driver", "syntax") for line in log(name)])))
def test_whatever_the_lines_it_never_fails(lines: list[str]) -> None:
    find_cause(lines, 1)
    find_cause(lines, 3)
    evidence(lines)
