"""lampwell: the simulators package."""
