"""A program that does as it is told: ``SECONDS EXIT_CODE [TEXT]``. It needs no Spark, only a driver's place."""

from __future__ import annotations

import os
import sys
import time


def main() -> int:
    """Print a line every half second, and end as asked."""
    seconds, code = float(sys.argv[1]), int(sys.argv[2])
    print("app begins", *sys.argv[3:], flush=True)
    if secret := os.environ.get("E2E_SECRET"):
        print(f"the secret is {secret}", flush=True)
    end = time.monotonic() + seconds
    line = 0
    while time.monotonic() < end:
        line += 1
        print(f"line {line}", flush=True)
        time.sleep(0.5)
    print("app ends", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
