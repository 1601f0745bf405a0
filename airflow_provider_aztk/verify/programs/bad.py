"""End with exit code 3."""

import sys

print("aztk-verify ends with exit code 3", flush=True)
sys.exit(3)
