"""JSON on one line for every reader: some take more signs for the end of a line than JSON Lines does."""

_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\u0085": "\\u0085"}


def one_line(text: str) -> str:
    """JSON text without raw U+2028, U+2029 and U+0085, at which Python's `splitlines` and Node's `readline` break lines.

    They stand in strings alone, so written as escapes they mean the same.
    """
    if not text.isascii():
        for sign, escape in _ENDS.items():
            text = text.replace(sign, escape)
    return text


def one_line_bytes(text: bytes) -> bytes:
    """The same of UTF-8, in which no sign is a part of another."""
    if not text.isascii():
        for sign, escape in _ENDS.items():
            text = text.replace(sign.encode(), escape.encode())
    return text
