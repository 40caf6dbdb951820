"""Tools for the packages that define configurations."""
