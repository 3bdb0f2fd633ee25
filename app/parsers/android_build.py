"""What an Android build fingerprint tells: maker, device, version and build of the system."""

import re

from app.crashes.log import DeviceInfo, OsInfo

_FINGERPRINT = re.compile(
    r"(?P<brand>[^/:]{1,100})/(?P<product>[^/:]{0,100})/(?P<device>[^/:]{1,100}):(?P<version>[^/:]{1,40})/(?P<build>[^/:]{1,100})/"
)


def system(fingerprint: str | None, version: str | None = None) -> OsInfo:
    """Android with the version the log names, else the fingerprint's, and its build."""
    told = _FINGERPRINT.match(fingerprint or "")
    return OsInfo(
        name="Android", version=version or (told["version"] if told else None), build=told["build"] if told else None
    )


def device(
    fingerprint: str | None, model: str | None = None, manufacturer: str | None = None, arch: str | None = None
) -> DeviceInfo:
    """Model and maker as the log names them, else the code name and brand of the fingerprint."""
    told = _FINGERPRINT.match(fingerprint or "")
    return DeviceInfo(
        model=model or (told["device"] if told else None),
        manufacturer=manufacturer or (told["brand"] if told else None),
        arch=arch,
    )
