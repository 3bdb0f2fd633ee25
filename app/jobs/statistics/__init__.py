"""Shared by the job types that count occurrences: the window of days, and the breakdown of facts by value."""
