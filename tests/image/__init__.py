"""The container image, built from the Containerfile as it is, and the DaemonSet's pod of it under a real runtime."""
