"""What operators see: log lines, metrics, traces, the canary."""
