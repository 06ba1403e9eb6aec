"""Spans of calls, for an OpenTelemetry collector: loaded only by an agent that has one (docs/decisions/019-spans.md)."""
