"""Read a secret from the environment; Spark itself reads the one for the data lake from its configuration."""

from __future__ import annotations

import os

token = os.environ["API_TOKEN"]
print(f"The token has {len(token)} characters", flush=True)
