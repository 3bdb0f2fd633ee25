"""One full report and one that knows nothing, for the tests of all report formats."""

import datetime
from collections.abc import Callable

import pytest

from app.crashes.fingerprint import crash_identifier, fingerprint
from app.crashes.log import (
    AppInfo,
    BinaryImage,
    Breadcrumb,
    CrashLog,
    DeviceInfo,
    Fault,
    Frame,
    OsInfo,
    RelatedStack,
    Thread,
)
from app.crashes.title import title
from app.reports import Report

NOON = datetime.datetime(2018, 9, 13, 12, 0, 0, 120_000, tzinfo=datetime.UTC)
TOKYO = datetime.timezone(datetime.timedelta(hours=9))

CRASHED = (
    Frame("objc_retain", image="libobjc.A.dylib", address=0x180001234, image_address=0x180000000, offset=12),
    Frame(
        "-[Cart pay:]", image="Shop", address=2**64 - 1, image_address=0x100000000, offset=97, file="Cart.m", line=31
    ),
    Frame(None, image="Shop", address=0x100000010, image_address=0x100000000, offset=16),
)
APPLE = CrashLog(
    "kscrash-json",
    "apple",
    report_id="1DFC2552",
    occurred_at=NOON.astimezone(TOKYO),
    started_at=NOON,
    level="fatal",
    process="Shop",
    process_id=42,
    faults=(
        Fault("NSRangeException", "index 5 beyond 3", signal="SIGABRT", code="0", handled=False, mechanism="mach"),
    ),
    threads=(
        Thread(0, "main", "com.apple.main-thread", frames=(Frame("mach_msg_trap", image="libsystem_kernel.dylib"),)),
        Thread(1, is_crashed=True, frames=CRASHED, registers={"x0": 0, "pc": 2**64 - 1}),
        Thread(2, state="Waiting"),
    ),
    stacks=(RelatedStack("deallocation", "deallocated by thread 9", (Frame("free", image="libc.so"),)),),
    details={"role": "Foreground", "translated": False, "free_memory": 4096},
    images=(BinaryImage("Shop", "/var/a.app/Shop", "AB12", "arm64", 0x100000000, 4096), BinaryImage()),
    app=AppInfo("com.shop", "Shop", "1.2", "34"),
    os=OsInfo("iOS", "12.0", "16A366"),
    device=DeviceInfo("iPhone9,4", "Apple", "arm64", "install-1"),
    user_id="user-7",
    custom={"cart": {"items": [1, 2**63, 0.5]}, "plan": "gold"},
    breadcrumbs=(Breadcrumb(NOON, "ui", "info", "tapped Pay", {"x": 1}), Breadcrumb()),
    notes=("The log was cut",),
)


@pytest.fixture
def apple_log() -> CrashLog:
    """A crash with a value for every field."""
    return APPLE


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """Builds the report of a log; every other field may be given by name."""

    def build(log: CrashLog = APPLE, **fields: object) -> Report:
        made = fingerprint(log)
        values = {
            "occurrence_id": "7-1536840000-logs-00003-crash-1",
            "log_id": "7-1536840000-logs-00003",
            "date": datetime.date(2018, 9, 13),
            "crash_identifier": crash_identifier("a1b2", made),
            "crash_title": title(log),
            "app_identifier": "a1b2",
            "app_name": "Shop of all",
            "log": log,
            "raw": b'{"report": 1}',
            "raw_filename": "7-1536840000-logs-00003.json",
            "generated_by": "crashq 0.1.0",
            "fingerprint": made,
        }
        return Report(**{**values, **fields})  # type: ignore[arg-type]

    return build
