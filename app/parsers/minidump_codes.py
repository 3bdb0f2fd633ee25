"""The names of what a minidump's exception record tells by numbers: Windows exceptions, signals, Mach exceptions.

Source: see windows_codes.py; Linux's signal.h and siginfo.h, alike on x86 and ARM; Mach's exception_types.h and
kern_return.h.
"""

from app.crashes.log import Fault
from app.parsers import windows_codes

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
    "SIGBUS": "BUS_ADRALN BUS_ADRERR BUS_OBJERR BUS_MCEERR_AR BUS_MCEERR_AO",
    "SIGFPE": "FPE_INTDIV FPE_INTOVF FPE_FLTDIV FPE_FLTOVF FPE_FLTUND FPE_FLTRES FPE_FLTINV FPE_FLTSUB",
    "SIGSEGV": "SEGV_MAPERR SEGV_ACCERR SEGV_BNDERR SEGV_PKUERR SEGV_ACCADI SEGV_ADIDERR SEGV_ADIPERR SEGV_MTEAERR "
    "SEGV_MTESERR SEGV_CPERR",
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
_NSEXCEPTION = 0x43506E78  # Crashpad's kMachExceptionFromNSException: what it was stands in annotations
_ON_REQUEST = {0xFFFFFFFF, 0x0517A7ED, 0x43507378}
"""Breakpad's and Crashpad's own: the program asked for a dump of itself."""


def fault_of(family: str, code: int, flags: int, address: int, info: tuple[int, ...]) -> Fault:
    """The exception record as a fault; `family` is "windows", "linux", "apple" or "" for another system."""
    if code in _ON_REQUEST:
        return Fault(type="Dump requested", handled=True, mechanism="minidump")
    if family == "linux":
        return _signal(code, flags, address)
    if family == "apple":
        if code == _NSEXCEPTION:
            return Fault(type="NSException", handled=False, mechanism="nsexception")
        if code == 0 and len(info) >= 2:  # Crashpad's of EXC_CRASH: what was sent to it stands in the information alone
            code, flags = info[0], info[1]
        return _mach(code, flags, address)
    return _windows(code, address, info)


def details_of(family: str, code: int, info: tuple[int, ...]) -> dict[str, str | int | bool]:
    """What else the exception record of Windows tells: the access to memory, all parameters."""
    if family != "windows" or not info:
        return {}
    access = _ACCESS.get(info[0]) if code in _WITH_ACCESS else None
    parameters = ", ".join(f"{number:#x}" for number in info)
    return {**({"access": access} if access else {}), "exception_parameters": parameters}


def _windows(code: int, address: int, info: tuple[int, ...]) -> Fault:
    described = f"{code:#010x} at {address:#x}"
    if code in _WITH_ACCESS and len(info) >= 2:
        described = f"{_ACCESS.get(info[0], 'access')} at {info[1]:#x}"
    elif code == windows_codes.FAIL_FAST and info and info[0] in windows_codes.FAIL_FAST_REASONS:
        described = f"{windows_codes.FAIL_FAST_REASONS[info[0]]} at {address:#x}"
    return Fault(
        type=windows_codes.EXCEPTIONS.get(code) or f"Exception {code:#010x}",
        code=described,
        handled=False,
        mechanism="minidump",
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
