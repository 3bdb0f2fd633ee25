"""Batches: many occurrences as files, of one crash or of a whole app. The kinds of job crash_batch and app_batch share this."""
