"""The edge process: polls, judges quality, journals, publishes."""
