"""Device profiles: register maps as data."""
