"""The register maps that come with lampwell, one TOML file each."""
