"""Redis: task messages, debouncing, rate limits."""
