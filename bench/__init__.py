"""What is measured, against which peers and which limits: `make bench` writes RESULTS.md."""
