"""Sleep until somebody stops the application."""

import time

print("aztk-verify sleeps", flush=True)
time.sleep(3600)
