"""The names of what a minidump's exception record tells by numbers: Windows exceptions, signals, Mach exceptions.

Source: winnt.h and ntstatus.h; Linux's signal.h and siginfo.h, alike on x86 and ARM; Mach's exception_types.h and kern_return.h.
"""

from app.crashes.log import Fault

_WINDOWS = {
    0x40010005: "DBG_CONTROL_C", 0x80000001: "EXCEPTION_GUARD_PAGE", 0x80000002: "EXCEPTION_DATATYPE_MISALIGNMENT",
    0x80000003: "EXCEPTION_BREAKPOINT", 0x80000004: "EXCEPTION_SINGLE_STEP", 0xC0000005: "EXCEPTION_ACCESS_VIOLATION",
    0xC0000006: "EXCEPTION_IN_PAGE_ERROR", 0xC0000008: "EXCEPTION_INVALID_HANDLE", 0xC0000017: "STATUS_NO_MEMORY",
    0xC000001D: "EXCEPTION_ILLEGAL_INSTRUCTION", 0xC0000025: "EXCEPTION_NONCONTINUABLE_EXCEPTION",
    0xC0000026: "EXCEPTION_INVALID_DISPOSITION", 0xC000008C: "EXCEPTION_ARRAY_BOUNDS_EXCEEDED",
    0xC000008D: "EXCEPTION_FLT_DENORMAL_OPERAND", 0xC000008E: "EXCEPTION_FLT_DIVIDE_BY_ZERO",
    0xC0000090: "EXCEPTION_FLT_INVALID_OPERATION", 0xC0000091: "EXCEPTION_FLT_OVERFLOW",
    0xC0000094: "EXCEPTION_INT_DIVIDE_BY_ZERO", 0xC0000095: "EXCEPTION_INT_OVERFLOW",
    0xC0000096: "EXCEPTION_PRIV_INSTRUCTION", 0xC00000FD: "EXCEPTION_STACK_OVERFLOW",
    0xC0000135: "STATUS_DLL_NOT_FOUND", 0xC0000194: "EXCEPTION_POSSIBLE_DEADLOCK", 0xC0000374: "STATUS_HEAP_CORRUPTION",
    0xC0000409: "STATUS_STACK_BUFFER_OVERRUN", 0xC0000417: "STATUS_INVALID_CRUNTIME_PARAMETER",
    0xC0000420: "STATUS_ASSERTION_FAILURE", 0xC0000602: "STATUS_FAIL_FAST_EXCEPTION", 0xE0434352: "CLR exception",
    0xE06D7363: "C++ exception",
}  # fmt: skip
_ACCESS = {0: "read", 1: "write", 8: "execute"}
_WITH_ACCESS = (0xC0000005, 0xC0000006)
_SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
    16: "SIGSTKFLT", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
}  # fmt: skip
_SIGNAL_CODES = {
    "SIGILL": "ILL_ILLOPC ILL_ILLOPN ILL_ILLADR ILL_ILLTRP ILL_PRVOPC ILL_PRVREG ILL_COPROC ILL_BADSTK",
    "SIGTRAP": "TRAP_BRKPT TRAP_TRACE TRAP_BRANCH TRAP_HWBKPT",
    "SIGBUS": "BUS_ADRALN BUS_ADRERR BUS_OBJERR",
    "SIGFPE": "FPE_INTDIV FPE_INTOVF FPE_FLTDIV FPE_FLTOVF FPE_FLTUND FPE_FLTRES FPE_FLTINV FPE_FLTSUB",
    "SIGSEGV": "SEGV_MAPERR SEGV_ACCERR SEGV_BNDERR SEGV_PKUERR",
    "SIGSYS": "SYS_SECCOMP",
}
_SENT_BY_PROGRAMS = ("SI_QUEUE", "SI_TKILL")
_SENT = {0x80: "SI_KERNEL", 2**32 - 1: "SI_QUEUE", 2**32 - 6: "SI_TKILL"}
_MACH = {
    1: "EXC_BAD_ACCESS", 2: "EXC_BAD_INSTRUCTION", 3: "EXC_ARITHMETIC", 4: "EXC_EMULATION", 5: "EXC_SOFTWARE",
    6: "EXC_BREAKPOINT", 7: "EXC_SYSCALL", 8: "EXC_MACH_SYSCALL", 9: "EXC_RPC_ALERT", 10: "EXC_CRASH",
    11: "EXC_RESOURCE", 12: "EXC_GUARD", 13: "EXC_CORPSE_NOTIFY",
}  # fmt: skip
_KERN = {1: "KERN_INVALID_ADDRESS", 2: "KERN_PROTECTION_FAILURE"}
_APPLE_SIGNALS = {3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL", 10: "SIGBUS",
                  11: "SIGSEGV", 12: "SIGSYS"}  # fmt: skip
_EXC_CRASH = 10
_ON_REQUEST = {0xFFFFFFFF, 0x0517A7ED, 0x43507378}
"""Breakpad's and Crashpad's own: the program asked for a dump of itself."""


def fault_of(family: str, code: int, flags: int, address: int, info: tuple[int, ...]) -> Fault:
    """The exception record as a fault; `family` is "windows", "linux", "apple" or "" for another system."""
    if code in _ON_REQUEST:
        return Fault(type="Dump requested", handled=True, mechanism="minidump")
    if family == "linux":
        return _signal(code, flags, address)
    if family == "apple":
        if code == 0 and len(info) >= 2:  # Crashpad's of EXC_CRASH: what was sent to it stands in the information alone
            code, flags = info[0], info[1]
        return _mach(code, flags, address)
    return _windows(code, address, info)


def _windows(code: int, address: int, info: tuple[int, ...]) -> Fault:
    described = f"{code:#010x} at {address:#x}"
    if code in _WITH_ACCESS and len(info) >= 2:
        described = f"{_ACCESS.get(info[0], 'access')} at {info[1]:#x}"
    return Fault(
        type=_WINDOWS.get(code) or f"Exception {code:#010x}", code=described, handled=False, mechanism="minidump"
    )


def _signal(number: int, code: int, address: int) -> Fault:
    """A code of 0 is that of a writer that does not tell it (Breakpad before 2018), or of kill: it is left out then."""
    name = _SIGNALS.get(number) or f"Signal {number}"
    names = _SIGNAL_CODES.get(name, "").split()
    described = names[code - 1] if 0 < code <= len(names) else _SENT.get(code) or (f"code {code:#x}" if code else None)
    if names and described not in _SENT_BY_PROGRAMS:
        described = f"{described} at {address:#x}" if described else f"at {address:#x}"
    return Fault(type=name, signal=name, code=described, handled=False, mechanism="signal")


def _mach(number: int, code: int, address: int) -> Fault:
    name = _MACH.get(number) or f"Exception {number:#x}"
    described = f"{_KERN.get(code) or f'code {code:#x}'} at {address:#x}" if number == 1 else f"code {code:#x}"
    signal = _APPLE_SIGNALS.get(code >> 24 & 0xFF) if number == _EXC_CRASH else None
    return Fault(type=name, signal=signal, code=described, handled=False, mechanism="mach")
