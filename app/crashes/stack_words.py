"""Words on stacks and in types for what every crash has: throwing, aborting, starting a thread. Data only."""

TRAMPOLINES = frozenset({
    "_sigtramp", "__restore_rt", "__restore", "__kernel_rt_sigreturn", "__kernel_sigreturn", "<signal handler called>",
    "KiUserExceptionDispatcher", "sigtramp", "__default_rt_sa_restorer", "__default_sa_restorer",
})  # fmt: skip
"""What lies above is a signal handler at work; what went wrong lies below."""

THROWING = (
    "abort", "__abort", "raise", "gsignal", "pthread_kill", "__pthread_kill", "tgkill", "tkill", "kill", "__kill",
    "__GI_raise", "__GI_abort", "__pthread_kill_implementation", "__terminate", "std::terminate", "std::__terminate",
    "terminate(", "abort_message", "demangling_terminate_handler", "default_terminate_handler", "__cxa_throw",
    "__cxa_rethrow", "_Unwind_", "__cxxabiv1::", "_objc_terminate", "objc_terminate", "objc_exception_throw",
    "objc_exception_rethrow", "__exceptionPreprocess", "+[NSException raise", "-[NSException raise",
    "-[NSAssertionHandler handleFailure", "-[NSObject doesNotRecognizeSelector:",
    "-[NSObject(NSObject) doesNotRecognizeSelector:", "___forwarding___", "__forwarding_prep_0___",
    "_CF_forwarding_prep_", "_CFThrow", "__assert_rtn", "__assert_fail", "__assert2", "__GI___assert",
    "__stack_chk_fail", "__fortify_fail", "__libc_message", "malloc_printerr", "malloc_zone_error",
    "malloc_error_break", "malloc_vreport", "malloc_report", "szone_error", "_os_crash",
    "os_unfair_lock_corruption_abort", "specialized _fatalErrorMessage", "_fatalErrorMessage", "_assertionFailure",
    "specialized _assertionFailure", "Swift._assertionFailure", "swift_unexpectedError", "swift::fatalError",
    "swift::swift_abort", "rust_panic", "core::panicking::", "std::panicking::", "std::sys_common::backtrace::",
    "__rust_start_panic", "rust_begin_unwind", "panic_abort::", "RaiseException", "_CxxThrowException",
    "CxxThrowException", "abort()", "_invoke_watson", "art::Runtime::Abort", "art::Thread::Abort", "android::base::",
    "__android_log_assert",
)  # fmt: skip
"""How functions begin that only report what went wrong one frame further down."""

ENTRY_POINTS = frozenset({
    "main", "start", "_start", "start_call_main", "__libc_start_main", "__libc_start_call_main", "_main", "WinMain",
    "wWinMain", "__scrt_common_main_seh", "invoke_main", "thread_start", "_pthread_start", "__pthread_start",
    "start_wqthread", "wmain", "UIApplicationMain", "NSApplicationMain", "BaseThreadInitThunk", "RtlUserThreadStart",
    "clone", "__clone", "__start_thread",
})  # fmt: skip
"""Where every stack begins: counted only when there is nothing else."""

PLUMBING = ("std::", "boost::", "folly::", "absl::", "__gnu_cxx::", "core::ops::", "alloc::", "_purecall")
"""How library templates begin that are compiled into the app: how many a stack shows is the optimiser's choice."""

SAME_TYPE = {
    **dict.fromkeys(
        ("SIGSEGV", "SIGBUS", "EXC_BAD_ACCESS", "EXC_BAD_ACCESS/SIGSEGV", "EXC_BAD_ACCESS/SIGBUS"), "bad memory access"
    ),
    **dict.fromkeys(("SIGABRT", "EXC_CRASH", "EXC_CRASH/SIGABRT"), "abort"),
    **dict.fromkeys(("SIGTRAP", "EXC_BREAKPOINT", "EXC_BREAKPOINT/SIGTRAP"), "trap"),
    **dict.fromkeys(("SIGILL", "EXC_BAD_INSTRUCTION", "EXC_BAD_INSTRUCTION/SIGILL"), "illegal instruction"),
    **dict.fromkeys(("SIGFPE", "EXC_ARITHMETIC", "EXC_ARITHMETIC/SIGFPE"), "arithmetic"),
}
"""Signals and the Mach exceptions they come from: which of the two a log names depends on the tool that wrote it."""

OVERFLOW_TYPES = frozenset({
    "bad memory access", "java.lang.StackOverflowError", "StackOverflowError", "System.StackOverflowException",
    "RangeError", "StackOverflowException", "InternalError", "RecursionError", "EXCEPTION_STACK_OVERFLOW",
})  # fmt: skip
"""Types under which a stack overflow shows."""
