"""One file per job type, or for several that differ little; app.jobs.kind says what each declares."""
