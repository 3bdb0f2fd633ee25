"""Which frames of a stack are to be believed, where some were found by searching it for what looks like a return address."""

from collections.abc import Iterable

from app.crashes.frame_name import stable_name
from app.crashes.log import Frame

FEW = 2  # names that make guesses needless


def credible(frames: Iterable[Frame], family: str | None) -> list[Frame]:
    """Without most of what was found by searching, which may be left over from an earlier call.

    Of that count functions with a name, the first ones, until there are FEW names with those that are sure: who called the
    crashed function tells two crashes apart, and is most likely the nearest. Images count where nothing sure is known at all.
    """
    found = list(frames)
    if not any(frame.is_guess for frame in found):
        return found
    names = [stable_name(frame, family) for frame in found]
    sure = [name for frame, name in zip(found, names, strict=True) if not frame.is_guess and name.text != "?"]
    known = {name.text for name in sure if name.is_named}
    kept = []
    for frame, name in zip(found, names, strict=True):
        if frame.is_guess and name.is_named and name.text not in known:
            if len(known) >= FEW:
                continue
            known.add(name.text)
        if not frame.is_guess or name.is_named or not sure:
            kept.append(frame)
    return kept
