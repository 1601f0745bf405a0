"""Stand in for Spark's master: registration, its JSON page, and recovery from its directory."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from fake_wire import Line, call, listen, log, options, read_properties, secret_of, serve, serve_web

RECOVERY_PATIENCE = 2.0


class Master:
    """The register of workers and applications."""

    def __init__(self, host: str, port: int, values: dict[str, str]) -> None:
        self._address = (host, port)
        self._secret = secret_of(values)
        keeps = values.get("spark.deploy.recoveryMode") == "FILESYSTEM"
        self._directory = values.get("spark.deploy.recoveryDirectory", "") if keeps else ""
        self._lock = threading.Lock()
        self._members: dict[str, dict[str, Any]] = {}
        self._unknown: dict[str, dict[str, Any]] = {}
        self._numbers = 0
        self.status = "RECOVERING"

    def recover(self) -> None:
        """Call everybody that an earlier master knew, wait for them for a while, and forget who does not come."""
        time.sleep(float(os.environ.get("FAKE_SPARK_RECOVERY_PAUSE", "0")))  # Spark serves before it has read this
        for name in os.listdir(self._directory) if self._directory else []:
            with open(os.path.join(self._directory, name), encoding="utf-8") as file:
                card = json.load(file)
            self._unknown[card["id"]] = card
        for card in list(self._unknown.values()):
            threading.Thread(target=self._tell, args=(card,), daemon=True).start()
        deadline = time.monotonic() + RECOVERY_PATIENCE
        while self._unknown and time.monotonic() < deadline:
            time.sleep(0.05)
        with self._lock:
            for card in self._unknown.values():
                self._forget(card)
            self._unknown.clear()
            self.status = "ALIVE"
        log("I have been elected leader! New state: ALIVE")

    def handle(self, line: Line, message: dict[str, Any]) -> None:
        """Register a worker or an application until its line breaks."""
        card = dict(message["register"])
        with self._lock:
            if not card.get("id"):
                self._numbers += 1
                kind = "worker" if card["kind"] == "worker" else "app"
                stamp = time.strftime("%Y%m%d%H%M%S")
                card["id"] = f"{kind}-{stamp}-{os.getpid() % 10000:04d}{self._numbers:04d}"
            self._unknown.pop(card["id"], None)
            self._members[card["id"]] = card
            self._keep(card)
        line.send({"ok": True, "id": card["id"]})
        log(f"registered {card['id']} from {card['host']}")
        line.wait_for_end()
        with self._lock:
            if self._members.get(card["id"]) is card:
                del self._members[card["id"]]
                self._forget(card)
        log(f"{card['id']} is gone")

    def page(self, path: str) -> Any:
        """Return the JSON page, also where Spark has one for people."""
        if path != "/" and not path.startswith("/json"):
            return None
        with self._lock:
            cards = list(self._members.values())
        workers = [{**_public_fields(card), "state": "ALIVE"} for card in cards if card["kind"] == "worker"]
        apps = [_app(card, workers) for card in cards if card["kind"] == "app"]
        return {
            "url": f"spark://{self._address[0]}:{self._address[1]}",
            "workers": workers,
            "aliveworkers": len(workers),
            "cores": sum(worker["cores"] for worker in workers),
            "activeapps": apps,
            "completedapps": [],
            "status": self.status,
        }

    def _tell(self, card: dict[str, Any]) -> None:
        try:
            address = (str(card["callback"][0]), int(card["callback"][1]))
            call(address, self._secret, {"master_changed": self._address})[0].close()
        except OSError:
            log(f"{card['id']} does not answer")

    def _keep(self, card: dict[str, Any]) -> None:
        if self._directory:
            with open(self._path(card), "w", encoding="utf-8") as file:
                json.dump(card, file)

    def _forget(self, card: dict[str, Any]) -> None:
        if self._directory and os.path.exists(self._path(card)):
            os.unlink(self._path(card))

    def _path(self, card: dict[str, Any]) -> str:
        return os.path.join(self._directory, f"{card['kind']}_{card['id']}")


def _public_fields(card: dict[str, Any]) -> dict[str, Any]:
    return {name: card[name] for name in ("id", "host", "port", "cores", "memory")}


def _app(card: dict[str, Any], workers: list[dict[str, Any]]) -> dict[str, Any]:
    """Show an application: it waits where no worker is as large as one of its executors."""
    memory, cores = card.get("memory", 0), card.get("cores", 0)
    fits = any(worker["memory"] >= memory and worker["cores"] >= cores for worker in workers)
    state = {"state": "RUNNING", "cores": max(cores, 1)} if fits or not workers else {"state": "WAITING", "cores": 0}
    return {"id": card["id"], "name": card["name"], "memoryperexecutor": memory, **state}


def main(argv: list[str]) -> None:
    """Serve until killed."""
    given, _ = options(argv, ("--host", "--port", "--webui-port", "--properties-file"))
    values = read_properties(given["properties-file"])
    address: tuple[str, int] = (given["host"], int(given["port"]))
    listener, web = listen(*address), listen(given["host"], int(given["webui-port"]))
    master = Master(*address, values)
    serve_web(web, master.page)
    serve(listener, secret_of(values), master.handle)
    log(f"Starting Spark master at spark://{address[0]}:{address[1]}")
    master.recover()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
