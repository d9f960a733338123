"""Layouts searched: the catalogue's own formulas over grids of millions of runs."""
