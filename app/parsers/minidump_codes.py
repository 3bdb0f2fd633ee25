"""The names of what a minidump's exception record tells by numbers: Windows exceptions, signals, Mach exceptions.

Source: winnt.h and ntstatus.h of the Windows SDK 10.0.26100, the CLR's and the C++ runtime's own codes; Linux's signal.h
and siginfo.h, alike on x86 and ARM; Mach's exception_types.h and kern_return.h.
"""

from app.crashes.log import Fault

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

EXCEPTIONS = {
    0x40000015: "STATUS_FATAL_APP_EXIT", 0x40010005: "DBG_CONTROL_C", 0x40010006: "DBG_PRINTEXCEPTION_C",
    0x4001000A: "DBG_PRINTEXCEPTION_WIDE_C", 0x406D1388: "MS_VC_EXCEPTION", 0x80000001: "EXCEPTION_GUARD_PAGE",
    0x80000002: "EXCEPTION_DATATYPE_MISALIGNMENT", 0x80000003: "EXCEPTION_BREAKPOINT",
    0x80000004: "EXCEPTION_SINGLE_STEP", 0x80000029: "STATUS_UNWIND_CONSOLIDATE", 0xC0000001: "STATUS_UNSUCCESSFUL",
    0xC0000002: "STATUS_NOT_IMPLEMENTED", 0xC0000005: "EXCEPTION_ACCESS_VIOLATION",
    0xC0000006: "EXCEPTION_IN_PAGE_ERROR", 0xC0000008: "EXCEPTION_INVALID_HANDLE",
    0xC000000D: "STATUS_INVALID_PARAMETER", 0xC000000E: "STATUS_NO_SUCH_DEVICE", 0xC000000F: "STATUS_NO_SUCH_FILE",
    0xC0000017: "STATUS_NO_MEMORY", 0xC000001C: "STATUS_INVALID_SYSTEM_SERVICE",
    0xC000001D: "EXCEPTION_ILLEGAL_INSTRUCTION", 0xC0000022: "STATUS_ACCESS_DENIED",
    0xC0000023: "STATUS_BUFFER_TOO_SMALL", 0xC0000024: "STATUS_OBJECT_TYPE_MISMATCH",
    0xC0000025: "EXCEPTION_NONCONTINUABLE_EXCEPTION", 0xC0000026: "EXCEPTION_INVALID_DISPOSITION",
    0xC000002D: "STATUS_NOT_COMMITTED", 0xC0000034: "STATUS_OBJECT_NAME_NOT_FOUND",
    0xC000007B: "STATUS_INVALID_IMAGE_FORMAT", 0xC000008C: "EXCEPTION_ARRAY_BOUNDS_EXCEEDED",
    0xC000008D: "EXCEPTION_FLT_DENORMAL_OPERAND", 0xC000008E: "EXCEPTION_FLT_DIVIDE_BY_ZERO",
    0xC000008F: "EXCEPTION_FLT_INEXACT_RESULT", 0xC0000090: "EXCEPTION_FLT_INVALID_OPERATION",
    0xC0000091: "EXCEPTION_FLT_OVERFLOW", 0xC0000092: "EXCEPTION_FLT_STACK_CHECK",
    0xC0000093: "EXCEPTION_FLT_UNDERFLOW", 0xC0000094: "EXCEPTION_INT_DIVIDE_BY_ZERO",
    0xC0000095: "EXCEPTION_INT_OVERFLOW", 0xC0000096: "EXCEPTION_PRIV_INSTRUCTION",
    0xC000009A: "STATUS_INSUFFICIENT_RESOURCES", 0xC00000A0: "STATUS_BAD_IMPERSONATION_LEVEL",
    0xC00000BB: "STATUS_NOT_SUPPORTED", 0xC00000E5: "STATUS_INTERNAL_ERROR", 0xC00000FD: "EXCEPTION_STACK_OVERFLOW",
    0xC000012D: "STATUS_COMMITMENT_LIMIT", 0xC0000135: "STATUS_DLL_NOT_FOUND", 0xC0000138: "STATUS_ORDINAL_NOT_FOUND",
    0xC0000139: "STATUS_ENTRYPOINT_NOT_FOUND", 0xC000013A: "STATUS_CONTROL_C_EXIT",
    0xC0000142: "STATUS_DLL_INIT_FAILED", 0xC0000144: "STATUS_UNHANDLED_EXCEPTION",
    0xC0000185: "STATUS_IO_DEVICE_ERROR", 0xC0000194: "EXCEPTION_POSSIBLE_DEADLOCK", 0xC000022D: "STATUS_RETRY",
    0xC0000264: "STATUS_RESOURCE_NOT_OWNED", 0xC00002B4: "STATUS_FLOAT_MULTIPLE_FAULTS",
    0xC00002B5: "STATUS_FLOAT_MULTIPLE_TRAPS", 0xC00002C9: "STATUS_REG_NAT_CONSUMPTION",
    0xC0000374: "STATUS_HEAP_CORRUPTION", 0xC0000409: "STATUS_STACK_BUFFER_OVERRUN",
    0xC0000417: "STATUS_INVALID_CRUNTIME_PARAMETER", 0xC000041D: "STATUS_FATAL_USER_CALLBACK_EXCEPTION",
    0xC0000420: "STATUS_ASSERTION_FAILURE", 0xC0000421: "STATUS_VERIFIER_STOP",
    0xC0000428: "STATUS_INVALID_IMAGE_HASH", 0xC0000602: "STATUS_FAIL_FAST_EXCEPTION",
    0xC000060A: "STATUS_INVALID_EXCEPTION_HANDLER", 0xC06D007E: "VCPPEXCEPTION_MODULE_NOT_FOUND",
    0xC06D007F: "VCPPEXCEPTION_PROC_NOT_FOUND", 0xE0434352: "CLR exception", 0xE0434F4D: "CLR exception",
    0xE06D7363: "C++ exception", 0xE0000008: "Out of memory",
}  # fmt: skip
FAIL_FAST = 0xC0000409  # its first parameter is the reason
_FAIL_FAST_REASONS = """
0 LEGACY_GS_VIOLATION 1 VTGUARD_CHECK_FAILURE 2 STACK_COOKIE_CHECK_FAILURE 3 CORRUPT_LIST_ENTRY 4 INCORRECT_STACK
5 INVALID_ARG 6 GS_COOKIE_INIT 7 FATAL_APP_EXIT 8 RANGE_CHECK_FAILURE 9 UNSAFE_REGISTRY_ACCESS
10 GUARD_ICALL_CHECK_FAILURE 11 GUARD_WRITE_CHECK_FAILURE 12 INVALID_FIBER_SWITCH 13 INVALID_SET_OF_CONTEXT
14 INVALID_REFERENCE_COUNT 18 INVALID_JUMP_BUFFER 19 MRDATA_MODIFIED 20 CERTIFICATION_FAILURE
21 INVALID_EXCEPTION_CHAIN 22 CRYPTO_LIBRARY 23 INVALID_CALL_IN_DLL_CALLOUT 24 INVALID_IMAGE_BASE
25 DLOAD_PROTECTION_FAILURE 26 UNSAFE_EXTENSION_CALL 27 DEPRECATED_SERVICE_INVOKED 28 INVALID_BUFFER_ACCESS
29 INVALID_BALANCED_TREE 30 INVALID_NEXT_THREAD 31 GUARD_ICALL_CHECK_SUPPRESSED 32 APCS_DISABLED
33 INVALID_IDLE_STATE 34 MRDATA_PROTECTION_FAILURE 35 UNEXPECTED_HEAP_EXCEPTION 36 INVALID_LOCK_STATE
37 GUARD_JUMPTABLE 38 INVALID_LONGJUMP_TARGET 39 INVALID_DISPATCH_CONTEXT 40 INVALID_THREAD
41 INVALID_SYSCALL_NUMBER 42 INVALID_FILE_OPERATION 43 LPAC_ACCESS_DENIED 44 GUARD_SS_FAILURE
45 LOADER_CONTINUITY_FAILURE 46 GUARD_EXPORT_SUPPRESSION_FAILURE 47 INVALID_CONTROL_STACK 48 SET_CONTEXT_DENIED
49 INVALID_IAT 50 HEAP_METADATA_CORRUPTION 51 PAYLOAD_RESTRICTION_VIOLATION 52 LOW_LABEL_ACCESS_DENIED
53 ENCLAVE_CALL_FAILURE 54 UNHANDLED_LSS_EXCEPTON 55 ADMINLESS_ACCESS_DENIED 56 UNEXPECTED_CALL
57 CONTROL_INVALID_RETURN_ADDRESS 58 UNEXPECTED_HOST_BEHAVIOR 59 FLAGS_CORRUPTION 60 VEH_CORRUPTION
61 ETW_CORRUPTION 62 RIO_ABORT 63 INVALID_PFN 64 GUARD_ICALL_CHECK_FAILURE_XFG 65 CAST_GUARD
66 HOST_VISIBILITY_CHANGE 67 KERNEL_CET_SHADOW_STACK_ASSIST 68 PATCH_CALLBACK_FAILED 69 NTDLL_PATCH_FAILED
70 INVALID_FLS_DATA
"""
_words = _FAIL_FAST_REASONS.split()
FAIL_FAST_REASONS = {int(number): f"FAST_FAIL_{name}" for number, name in zip(_words[::2], _words[1::2], strict=True)}


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
    elif code == FAIL_FAST and info and info[0] in FAIL_FAST_REASONS:
        described = f"{FAIL_FAST_REASONS[info[0]]} at {address:#x}"
    return Fault(
        type=EXCEPTIONS.get(code) or f"Exception {code:#010x}",
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
