"""Kubernetes API client use, watches and custom resources."""
