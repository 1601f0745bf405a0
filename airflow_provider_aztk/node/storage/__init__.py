"""The blobs of the cluster's container, and the files that come from them or from the web."""
