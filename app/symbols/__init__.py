"""From addresses and obfuscated names to what the source says; pure: reads files of symbols by path, knows no database."""
