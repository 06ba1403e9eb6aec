"""Spans of calls, for an OpenTelemetry collector: loaded where an agent has one (docs/decisions/019-spans.md)."""
