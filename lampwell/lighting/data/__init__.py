"""Tables that the lighting engine reads."""
