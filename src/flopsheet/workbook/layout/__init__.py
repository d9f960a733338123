"""Where everything stands, before any formula is written."""
