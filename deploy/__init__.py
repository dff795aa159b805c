"""lampwell: the deploy package."""
