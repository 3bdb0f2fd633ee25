"""People and keys: who may do what."""
