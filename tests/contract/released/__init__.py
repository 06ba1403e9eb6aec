"""The clusters' stores that a release wrote, in a real etcd and behind a real API server, read by the present code."""
