"""What must not leave in a report: patterns and places, applied to parsed crash reports before they are written. Pure."""
