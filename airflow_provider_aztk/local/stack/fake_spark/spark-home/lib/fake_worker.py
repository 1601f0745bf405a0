"""Stand in for Spark's worker: registered with the master, and nothing else."""

from __future__ import annotations

import os
import sys
import time

from fake_member import RETRIES, RETRY_PAUSE, Member
from fake_wire import listen, log, options, parse_url, read_properties, secret_of

FLAGS = ("--host", "--port", "--webui-port", "--cores", "--memory", "--work-dir", "--properties-file")


def main(argv: list[str]) -> None:
    """Stay registered until killed; end like Spark's worker when no master is found for a long time."""
    if os.environ.get("FAKE_SPARK_WORKER_FAILS"):  # as a JVM does that cannot start
        sys.exit(
            f'Exception in thread "main" {os.environ["FAKE_SPARK_WORKER_FAILS"]}\n\tat org.example.Frame(Frame.java)'
        )
    given, rest = options(argv, FLAGS)
    values = read_properties(given["properties-file"])
    listener = listen(given["host"], int(given["port"]))
    card = {
        "kind": "worker",
        "host": given["host"],
        "port": int(given["port"]),
        "cores": int(given["cores"]),
        "memory": int(given["memory"].rstrip("M")),
    }
    member = Member(secret_of(values), given["host"], listener, card)
    for _ in range(RETRIES):
        try:
            member.stay(member.join(parse_url(rest[0])))
            break
        except PermissionError as error:
            sys.exit(f"fake-spark: {error}")
        except OSError as error:
            log(f"cannot reach the master yet: {error}")
            time.sleep(RETRY_PAUSE)
    sys.exit("fake-spark: All masters are unresponsive! Giving up.")


if __name__ == "__main__":
    main(sys.argv[1:])
