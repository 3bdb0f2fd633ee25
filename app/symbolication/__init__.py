"""Files of symbols from upload to use: stored, made into caches by a worker, found again for a crash report."""
