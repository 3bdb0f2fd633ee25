"""What an Android build fingerprint tells: maker, device, version and build of the system."""

import re

from app.crashes.log import DeviceInfo, OsInfo

_FINGERPRINT = re.compile(
    r"(?P<brand>[^/:]{1,100})/(?P<product>[^/:]{0,100})/(?P<device>[^/:]{1,100}):(?P<version>[^/:]{1,40})/(?P<build>[^/:]{1,100})/"
)


def system(fingerprint: str | None, version: str | None = None) -> OsInfo:
    """Android with the version the log names, else the fingerprint's, and its build."""
    build_parts = _FINGERPRINT.match(fingerprint or "")
    return OsInfo(
        name="Android",
        version=version or (build_parts["version"] if build_parts else None),
        build=build_parts["build"] if build_parts else None,
    )


def device(
    fingerprint: str | None, model: str | None = None, manufacturer: str | None = None, arch: str | None = None
) -> DeviceInfo:
    """Model and maker as the log names them, else the code name and brand of the fingerprint."""
    build_parts = _FINGERPRINT.match(fingerprint or "")
    return DeviceInfo(
        model=model or (build_parts["device"] if build_parts else None),
        manufacturer=manufacturer or (build_parts["brand"] if build_parts else None),
        arch=arch,
    )
