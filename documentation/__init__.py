"""The documentation site: pages made from the code, beside those that are written by hand in `docs/`."""
