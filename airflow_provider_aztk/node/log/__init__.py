"""The messages of the node code, and the log of a driver: from its output over a spool to append blobs."""
