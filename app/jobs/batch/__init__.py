"""Batches: occurrences as files, of a crash or of a whole app; the job types of types/batch.py use this."""
