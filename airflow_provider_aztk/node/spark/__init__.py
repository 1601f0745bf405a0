"""Spark on this node: its home, configuration, processes and web pages; and how applications are submitted."""
