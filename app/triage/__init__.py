"""Triage: what people decide about a crash, and what they say about it."""
