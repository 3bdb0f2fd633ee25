"""What operators run: backup, doctor, schema."""
