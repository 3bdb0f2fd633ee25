"""What a crash is: the parsed form every format is turned into, and the rules that group it. Pure: no I/O, no clock."""
