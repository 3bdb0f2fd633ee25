"""From an uploaded log to occurrences: `receive` in the request, `digest` in the worker."""
