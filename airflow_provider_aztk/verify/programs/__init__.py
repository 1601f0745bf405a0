"""The Spark applications of a run; each runs on the cluster, and is never imported here."""
