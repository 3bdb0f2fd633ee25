"""The parsed form of one crash report, the same for every log format; unknown stays None or empty, nothing is invented."""

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Protocol

from app.crashes.quick_dataclass import dataclass

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class SourceLines:
    """Lines of source around the one of a frame, as its sender read them."""

    line: str  # the frame's own
    before: tuple[str, ...] = ()  # the last one is just before `line`
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """One call of a stack. Addresses are ints in 0..2**64-1."""

    function: str | None = None  # symbol or method name as the log gives it, mangled or not
    module: str | None = None  # Java/Kotlin class, Python or JavaScript module: the namespace of the function
    file: str | None = None  # source file
    line: int | None = None  # from 1
    column: int | None = None  # from 1
    image: str | None = None  # file name of the binary image that holds the code, without its folder
    address: int | None = None  # instruction address at run time
    image_address: int | None = None  # load address of the image; 0 where addresses count from the image's start
    symbol_address: int | None = None  # start address of the function
    offset: int | None = None  # bytes from the start of the function, else of the image
    in_app: bool | None = None  # what the log itself says; None leaves it to app.crashes.in_app
    note: str | None = None  # what the log adds: "Native Method", "inlined", ...
    is_guess: bool | None = None  # True: found by searching the stack, and so perhaps left over from an earlier call
    is_return: bool | None = field(default=None, compare=False)
    """True: `address` is where the call returns to, False: it is of the call; None: only the first of a stack is its own."""
    is_library: bool | None = None  # True: a package manager keeps the file, by its path of which `file` is the end
    source: SourceLines | None = field(default=None, compare=False)  # what senders add does not make another frame
    variables: tuple[tuple[str, str], ...] = field(default=(), compare=False)  # local ones: name, value as text


@dataclass(frozen=True, slots=True)
class Fault:
    """One exception or signal: the crash itself, or a cause or suppressed exception that hangs on another."""

    type: str | None = (
        None  # "NSInvalidArgumentException", "java.lang.IllegalStateException", "EXC_BAD_ACCESS", "SIGSEGV"
    )
    message: str | None = None  # the reason, as the log gives it
    frames: tuple[Frame, ...] = ()  # crash frame first; empty when the stack is the crashed thread's
    relation: str | None = None  # None for the crash itself, else "cause" or "suppressed"
    parent: int | None = None  # index in CrashLog.faults of the exception it hangs on
    signal: str | None = None  # "SIGABRT"
    code: str | None = None  # "KERN_INVALID_ADDRESS at 0x8", "SEGV_MAPERR"
    handled: bool | None = None  # True: the program caught it and reported it on purpose
    mechanism: str | None = None  # how it was caught: "mach", "signal", "nsexception", "UncaughtExceptionHandler", ...


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread as it was when the process crashed."""

    index: int  # as the log numbers it
    name: str | None = None
    queue: str | None = None  # dispatch queue label
    is_crashed: bool = False
    state: str | None = None  # "Blocked", "Runnable", ...
    frames: tuple[Frame, ...] = ()  # crash frame first
    registers: Mapping[str, int] = field(default_factory=dict)  # register name -> value


@dataclass(frozen=True, slots=True)
class RelatedStack:
    """A stack that tells of the crash and that no thread had then: of what allocated or freed the memory at fault."""

    kind: str  # "allocation", "deallocation", "access"
    description: str | None = None  # as the log words it: "deallocated by thread 10930"
    frames: tuple[Frame, ...] = ()  # innermost first


@dataclass(frozen=True, slots=True)
class BinaryImage:
    """One executable or library loaded in the process."""

    name: str | None = None  # file name without its folder
    path: str | None = None
    debug_id: str | None = None  # UUID or build id, as the log writes it
    arch: str | None = None
    address: int | None = None  # load address
    size: int | None = None  # bytes


class CallFrameRules(Protocol):
    """How the frames of one image's code are left, by a table of its build."""

    def at(self, offset: int) -> str | None:
        """The rules at so many bytes from the start of the image; None where no code lies."""


class Walk(Protocol):
    """Walks the stacks of a report again."""

    def __call__(self, find: Callable[[BinaryImage], CallFrameRules | None], *, only_crash: bool) -> tuple[Thread, ...]:
        """All threads, with new frames; with `only_crash` only the crashed one has new ones."""


@dataclass(frozen=True, slots=True)
class SourceMapRef:
    """The source map that a build has made for a script."""

    file: str  # of the script, as frames name it
    debug_id: str  # as the log writes it


@dataclass(frozen=True, slots=True)
class Breadcrumb:
    """Something that happened in the app before the crash."""

    time: datetime | None = None  # UTC, aware
    category: str | None = None
    level: str | None = None
    message: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AppInfo:
    """The program that crashed."""

    identifier: str | None = None  # bundle id, application id
    name: str | None = None
    version: str | None = None  # marketing version
    build: str | None = None


@dataclass(frozen=True, slots=True)
class OsInfo:
    """The operating system it ran on."""

    name: str | None = None
    version: str | None = None
    build: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """The device it ran on."""

    model: str | None = None  # "iPhone9,4"
    manufacturer: str | None = None
    arch: str | None = None
    install_id: str | None = None  # the installation, as the log names it


@dataclass(frozen=True, slots=True)
class CrashLog:
    """One crash report out of a log.

    `faults[0]` is the crash itself, outermost exception first; causes and suppressed ones follow and point to their parent.
    """

    format: str  # the FORMAT of the parser that read it
    platform: str | None = (
        None  # "apple", "java", "native", "javascript", "python", "csharp", ... : picks the grouping rules
    )
    report_id: str | None = None  # the id inside the report, where it has one
    occurred_at: datetime | None = None  # UTC, aware
    sent_at: datetime | None = None  # by the same clock, where the sender tells it; UTC, aware
    started_at: datetime | None = None  # start of the process; UTC, aware
    level: str | None = None  # "fatal", "error", ...
    process: str | None = None  # process name
    process_id: int | None = None
    faults: tuple[Fault, ...] = ()
    threads: tuple[Thread, ...] = ()
    stacks: tuple[RelatedStack, ...] = ()
    images: tuple[BinaryImage, ...] = ()
    mappings: tuple[str, ...] = ()  # ids of the mapping files of R8 or ProGuard that the build made
    source_maps: tuple[SourceMapRef, ...] = ()  # of JavaScript
    source_bundles: tuple[str, ...] = ()  # ids of the bundles of sources of Java and Kotlin that the build made
    app: AppInfo = field(default_factory=AppInfo)
    os: OsInfo = field(default_factory=OsInfo)
    device: DeviceInfo = field(default_factory=DeviceInfo)
    user_id: str | None = None
    details: Mapping[str, str | int | bool] = field(default_factory=dict)  # what else the log says: access, role, ...
    tags: Mapping[str, Json] = field(default_factory=dict)  # what the app named to find it by: name -> plain value
    grouping_hint: tuple[str, ...] = ()  # the sender's own grouping wish (Sentry `fingerprint`)
    custom: Mapping[str, Json] = field(default_factory=dict)  # what the app added: user data, tags, extra
    breadcrumbs: tuple[Breadcrumb, ...] = ()  # oldest first
    notes: tuple[str, ...] = ()  # for the reader: diagnosis, what the log lacks, a crash inside the crash handler
    walk: Walk | None = field(
        default=None, compare=False, repr=False
    )  # of logs that hold memory: see minidump_stack.py

    @property
    def crashed_thread(self) -> Thread | None:
        """The thread the log flags as crashed, or None."""
        return next((thread for thread in self.threads if thread.is_crashed), None)

    @property
    def crash_frames(self) -> tuple[Frame, ...]:
        """The stack that tells the crash: the outermost fault's own frames, else the crashed thread's."""
        if self.faults and self.faults[0].frames:
            return self.faults[0].frames
        thread = self.crashed_thread
        return thread.frames if thread else ()


@dataclass(frozen=True, slots=True)
class MissingSymbols:
    """A file of symbols that would name frames of this report, and that the app has not been given."""

    kind: str  # "native": of a binary image; "mapping": of R8 or ProGuard; "source_map"
    debug_id: str | None  # by which the file is found, in lower case; None: by version and build
    name: str | None = None  # of the image or script
