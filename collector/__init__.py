"""lampwell: the collector package."""
