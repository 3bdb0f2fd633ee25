"""Data exporters: batches of whole apps at regular times, delivered to a bucket."""
