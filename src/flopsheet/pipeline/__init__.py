"""A spec as pandas tables, and every metric computed over them."""
