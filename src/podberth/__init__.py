"""podberth: every pod has its berth. Fixed addresses for pods, by pod name."""

__version__ = "0.2.0"
