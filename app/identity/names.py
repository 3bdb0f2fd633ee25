"""Names that people give to apps, keys and views."""

import unicodedata

from app.db.models.app import MAX_NAME
from app.errors import BadParameters

REFUSED = ("Cc", "Cs")  # categories of Unicode: control characters and lone surrogates
UNSEEN = ("Zs", "Zl", "Zp", "Cf", "Cn", "Mn", "Me")
BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they show what is around a name otherwise
BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols that show nothing


def check_name(name: str) -> str:
    """The name without spaces around it. Raises BadParameters."""
    name = name.strip()
    categories = [unicodedata.category(character) for character in name]
    is_sound = 0 < len(name) <= MAX_NAME and not BIDI & set(name)
    if not is_sound or any(category in REFUSED for category in categories):
        raise BadParameters(f"name has to have 1 to {MAX_NAME} characters, none of them control characters")
    if not any(category not in UNSEEN for category in (unicodedata.category(one) for one in name if one not in BLANK)):
        raise BadParameters("name has to have a character that can be seen")
    return name
