"""lampwell: the dashboards package."""
