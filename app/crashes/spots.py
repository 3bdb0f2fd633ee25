"""Where unnamed frames are in the build of their image: all that tells two functions apart before symbols come."""

from collections.abc import Iterable
from typing import NamedTuple

from app.crashes.frame_name import is_nameless, stable_image
from app.crashes.log import CrashLog, Frame
from app.crashes.rules import CHANCE_TYPES
from app.crashes.termination import termination

MAX_SPOTS = 2  # frames, nearest to the crash first


class Spot(NamedTuple):
    """A place in the code of one build of an image."""

    image: str
    debug_id: str  # the first digits
    offset: int  # bytes from the start of the image


def spots(frames: Iterable[Frame], log: CrashLog) -> list[Spot]:
    """The places of frames without a name, as given, of images whose build the log tells.

    None where chance decides where a thread was, as when the system ended the process.
    """
    fault = log.faults[0] if log.faults else None
    kind = (fault.type or fault.signal) if fault else None
    if not kind or kind in CHANCE_TYPES or termination(log):
        return []
    by_place = {image.address: image.debug_id for image in log.images if image.address is not None}
    by_name = {image.name: image.debug_id for image in log.images if image.name}
    found = []
    for frame in frames:
        debug_id = by_place.get(frame.image_address or -1) or by_name.get(frame.image or "")
        offset = _image_offset(frame)
        if debug_id and offset is not None and is_nameless(frame) and not frame.is_guess:
            found.append(Spot(stable_image(frame.image or ""), debug_id.replace("-", "").lower()[:8], offset))
    return found[:MAX_SPOTS]


def _image_offset(frame: Frame) -> int | None:
    if frame.address is not None and frame.image_address:
        return frame.address - frame.image_address
    return frame.offset if frame.function is None else None
