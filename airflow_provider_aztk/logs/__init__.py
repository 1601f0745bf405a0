"""Logs of Spark drivers: split into lines, and searched for the cause of a failure."""
