"""Lists, statistics and other statements over many rows."""
