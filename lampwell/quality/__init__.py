"""Streaming quality tests on one point's samples (pure)."""
