"""One file per kind of job; app.jobs.kind says what each offers."""
