"""The shared language of lampwell: what exists, what it measures, what it said."""

__version__ = "0.1.0"
