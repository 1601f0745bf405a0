"""Read a 256 MiB driver's log as a stream, beside reading it as a whole.

The log's segments are put into the container as ``node/contract/`` lays them out, with the result that remains when
the cluster was deleted with ``keep_logs``. Each reader is a process of its own; its bytes are counted by a proxy
between it and the blob service, both ways, headers included.

    python benchmarks/client_log.py [--mib N]
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from _common import print_table, secrets_of
from azure.storage.blob import BlobServiceClient

from airflow_provider_aztk.client import Client, _naming, models
from airflow_provider_aztk.local.testing import LocalStack, run_stack
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER, APP = "kept", "chatty"
MIB = 2**20
_LINE = b"2026-01-01 00:00:00 INFO TaskSetManager: Finished task in stage 3.0 on executor 7\n"
_BLOCK = (_LINE * (4 * MIB // len(_LINE) + 1))[: 4 * MIB]


def main() -> int:
    """Run the benchmark, or read in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256, help="size of the log; a multiple of 4")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reader:
        print(json.dumps(measure(args.reader)))
        return 0
    results = {}
    with run_stack("--fake-spark") as stack:
        write_log(stack, args.mib)
        for reader in READERS:
            results[reader] = run(stack, reader)
    report(args.mib * MIB, results)
    return 0


def write_log(stack: LocalStack, mib: int) -> None:
    """Write a log as a node does."""
    credential = {"account_name": str(stack.blob_account), "account_key": str(stack.blob_key)}
    with BlobServiceClient(str(stack.blob_endpoint), credential, use_env_settings=False) as service:
        container = service.create_container(_naming.container_name(CLUSTER))
        for number in range(mib // 4):
            segment, offset = divmod(number * len(_BLOCK), contract.LOG_SEGMENT_BYTES)
            blob = container.get_blob_client(contract.ApplicationBlobs(APP).log_segment(segment))
            if not offset:
                blob.create_append_blob()
            blob.append_block(_BLOCK)
        result = {"version": 1, "outcome": "success", "exit_code": 0, "attempt": 1, "message": ""}
        container.upload_blob(contract.ApplicationBlobs(APP).result, json.dumps(result))


def stream(client: Client) -> int:
    """Read the log piece by piece."""
    return sum(len(piece) for piece in client.stream_application_log(CLUSTER, APP))


def whole(client: Client) -> int:
    """Read the log into one string."""
    return client.get_application_log(CLUSTER, APP).total_bytes


READERS = {"stream_application_log": stream, "get_application_log": whole}


def measure(reader: str) -> dict[str, float]:
    """Read the log; tell its bytes, the seconds and the growth of the peak of memory."""
    with Client(models.SecretsConfiguration.from_yaml(sys.stdin.read())) as client:
        client.read_log(CLUSTER, APP, max_bytes=1)  # imports and connections are not what is measured
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.monotonic()
        read = READERS[reader](client)
        seconds = time.monotonic() - begin
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"read": read, "seconds": seconds, "kilobytes": grown}


def run(stack: LocalStack, reader: str) -> dict[str, float]:
    """Let a process of its own read through a proxy."""
    with proxy(str(stack.blob_endpoint)) as (endpoint, wire):
        done = subprocess.run(
            [sys.executable, __file__, "--reader", reader],
            input=secrets_of(stack, storage_service_url=endpoint).to_yaml(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return {**json.loads(done.stdout), "wire": wire.up + wire.down}


@dataclass
class Wire:
    """Bytes that have passed."""

    up: int = 0
    down: int = 0


@contextmanager
def proxy(endpoint: str) -> Iterator[tuple[str, Wire]]:
    """Pass on connections to a service and count their bytes; gives the endpoint to use instead."""
    target, wire = urlsplit(endpoint), Wire()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):  # closed: the end
                while True:
                    client, _ = listener.accept()
                    server = socket.create_connection((target.hostname, target.port))
                    for source, sink, way in ((client, server, "up"), (server, client, "down")):
                        threading.Thread(target=pump, args=(source, sink, wire, way), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield target._replace(netloc=f"127.0.0.1:{listener.getsockname()[1]}").geturl(), wire
        listener.shutdown(socket.SHUT_RDWR)


def pump(source: socket.socket, sink: socket.socket, wire: Wire, way: str) -> None:
    """Pass on one direction of a connection until it ends."""
    with suppress(OSError):
        while data := source.recv(MIB):
            setattr(wire, way, getattr(wire, way) + len(data))
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def report(size: int, results: dict[str, dict[str, float]]) -> None:
    """Print all readers and their ratios."""
    for name, result in results.items():
        assert result["read"] == size, f"{name} read {result['read']} of {size} bytes"
    rows = [
        (
            name,
            f"{result['wire'] / size:.4f}",
            f"{result['kilobytes'] / 1024:.0f}",
            f"{result['kilobytes'] * 1024 / size:.3f}",
            f"{result['seconds']:.1f}",
        )
        for name, result in results.items()
    ]
    print_table((f"log of {size // MIB} MiB", "wire/log", "peak MiB more", "memory/log", "seconds"), rows)
    streamed, read = (results[name] for name in READERS)
    print(f"ratio, whole to stream: memory {read['kilobytes'] / max(streamed['kilobytes'], 1):.0f}", end=", ")
    print(
        f"bytes on the wire {read['wire'] / streamed['wire']:.3f}, seconds {read['seconds'] / streamed['seconds']:.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
