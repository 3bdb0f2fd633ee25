"""What the kinds that count occurrences share: the days they tell of, and how values of facts are told."""
