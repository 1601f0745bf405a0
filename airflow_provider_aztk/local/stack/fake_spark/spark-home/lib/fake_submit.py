"""Stand in for spark-submit in client mode: an application that is registered while its Python program runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from fake_member import Member
from fake_wire import listen, log, options, parse_url, read_properties, secret_of, serve_web

NO_CONTEXT = b"fake-spark: no spark context"
TRIES = 3


def register(values: dict[str, str], name: str) -> None:
    """Register with the master and serve the driver's own page; end the process if the master refuses."""
    host = values["spark.driver.host"]
    card = {"kind": "app", "name": name, "host": host, **executor_of(values)}
    member = Member(secret_of(values), host, listen(host, 0), card)
    line = None
    for attempt in range(TRIES):
        try:
            line = member.join(parse_url(values["spark.master"]))
            break
        except PermissionError as error:
            sys.exit(f"fake-spark: the master refused the application: {error}")
        except OSError as error:
            log(f"cannot reach the master: {error}")
            time.sleep(attempt + 1)
    if line is None:
        sys.exit("fake-spark: Application has been killed. Reason: All masters are unresponsive! Giving up.")
    threading.Thread(target=member.stay, args=(line,), daemon=True).start()
    if values.get("spark.ui.enabled", "true") == "true":
        web = listen(host, int(values.get("spark.ui.port", "0")))
        serve_web(web, lambda path: _page(path, member, name, values))


def program(path: str, args: list[str], values: dict[str, str]) -> list[str]:
    """Return the command that runs the application."""
    if path.endswith(".py"):
        wanted = [values.get(f"spark.pyspark.{name}") for name in ("driver.python", "python")]
        wanted += [os.environ.get(name) for name in ("PYSPARK_DRIVER_PYTHON", "PYSPARK_PYTHON")]
        return [next(filter(None, wanted), "python3"), path, *args]
    text = json.dumps({"fake-spark": "would run", "application": os.path.basename(path), "args": args})
    return ["python3", "-c", "import sys; print(sys.argv[1])", text]


def run(command: list[str], values: dict[str, str]) -> int:
    """Run the program as Spark's PythonRunner does, and return its exit code."""
    paths = [path for path in values.get("spark.submit.pyFiles", "").split(",") if path]
    python_path = os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONUNBUFFERED": "YES", "PYTHONHASHSEED": "0", "PYTHONPATH": python_path}
    process = subprocess.Popen(command, env=env)

    def forward(_signum: int, _frame: Any) -> None:
        process.terminate()

    signal.signal(signal.SIGTERM, forward)
    code = process.wait()
    return code if code >= 0 else 128 - code


def executor_of(values: dict[str, str]) -> dict[str, int]:
    """Return what one executor asks for: memory in MiB, and cores."""
    found = re.fullmatch(r"(\d+)([kmgt]?)b?", values.get("spark.executor.memory", "1g").lower())
    number, unit = found.groups() if found else ("1", "g")
    scale = {"k": 1 / 1024, "g": 1024, "t": 1024 * 1024}.get(unit, 1)
    return {"memory": int(int(number) * scale), "cores": int(values.get("spark.executor.cores", "0"))}


def _page(path: str, member: Member, name: str, values: dict[str, str]) -> Any | None:
    if path == "/api/v1/applications":
        return [{"id": member.id, "name": name}]
    if path == f"/api/v1/applications/{member.id}/environment":
        shown = [[key, value] for key, value in values.items() if key.startswith(("spark.executor.", "spark.cores."))]
        return {"sparkProperties": shown}
    return None


def main(argv: list[str]) -> None:
    """Run one application."""
    given, rest = options(argv, ("--properties-file", "--class"))
    values = read_properties(given["properties-file"])
    path, args = rest[0], rest[1:]
    try:
        with open(path, "rb") as file:
            wants_context = NO_CONTEXT not in file.read()
    except OSError as error:
        sys.exit(f"fake-spark: cannot read {path}: {error.strerror}")
    if wants_context:
        register(values, values.get("spark.app.name") or os.path.basename(path))
    code = run(program(path, args, values), values)
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
