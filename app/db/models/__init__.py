"""The tables, one module each, with the statements of one row."""
