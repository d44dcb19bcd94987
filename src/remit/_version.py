"""The version of this package, read by the build and by every event's fingerprint."""

__version__ = "0.1.0"
