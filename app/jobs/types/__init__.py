"""One file per job type, or for several that differ little; app.jobs.job_type says what each declares."""
