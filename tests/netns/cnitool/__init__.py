"""`cnitool` with the CNI project's plugins and ours: output, exit status and cache are as with the project's own."""
