"""Logs of Spark drivers: cut into lines, and searched for the cause of a failure."""
