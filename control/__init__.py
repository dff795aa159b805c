"""lampwell: the control package."""
