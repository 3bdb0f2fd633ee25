"""The real minidumps of the corpus, with facts read from the files."""

import os
from pathlib import Path

import pytest

from app.crashes.log import CrashLog
from app.parsers import PARSERS, microdump, minidump
from app.parsers import minidump_stack as stack
from app.parsers.document import Document

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real logs at {CORPUS}")

DUMPS = {  # file -> type, code, process, pid, threads, images, images of the stack by registers and frame pointers
    "ascii_read_av.dmp": (
        "EXCEPTION_ACCESS_VIOLATION", "read at 0x41414141", "crashme.exe", 5376, 2, 26,
        ["crashme.exe"] * 3 + ["kernel32.dll"] + ["ntdll.dll"] * 2,
    ),
    "crash_linux.dmp": ("SIGSEGV", "at 0x0", "crash_linux", 133, 1, 8, ["crash_linux", "libc-2.23.so"]),
    "exec_av_on_stack.dmp": (
        "EXCEPTION_ACCESS_VIOLATION", "execute at 0x3df944", "crashme1.exe", 7488, 2, 26,
        [None, "kernel32.dll", "ntdll.dll", "ntdll.dll"],
    ),
    "linux_divide_by_zero.dmp": ("SIGFPE", "at 0x401f27", "driver", 20043, 1, 8, ["driver", "driver", "libc-2.19.so"]),
    "linux_executable_stack.dmp": ("SIGSEGV", "at 0x0", "driver", 20520, 1, 8, ["driver", "driver", "libc-2.19.so"]),
    "linux_jmp_to_module_not_exe_region.dmp": (
        "SIGSEGV", "at 0x616500", "driver", 111239, 1, 8, [None, "driver", "libc-2.19.so"],
    ),
    "linux_null_dereference.dmp": ("SIGSEGV", "at 0x0", "driver", 20520, 1, 8, ["driver", "driver", "libc-2.19.so"]),
    "linux_raise_sigabrt.dmp": (
        "SIGABRT", None, "driver", 23526, 1, 8, ["libpthread-2.19.so", "driver", "libc-2.19.so"],
    ),
    "minidump_32bit_crash_addr.dmp": (
        "EXCEPTION_ACCESS_VIOLATION", "write at 0x45", "test_app.exe", 3932, 2, 13,
        ["test_app.exe"] * 3 + ["kernel32.dll"],
    ),
    "null_read_av.dmp": (
        "EXCEPTION_ACCESS_VIOLATION", "read at 0x0", "crashme.exe", 4308, 2, 26,
        ["crashme.exe"] * 3 + ["kernel32.dll"] + ["ntdll.dll"] * 2,
    ),
    "simple-crashpad.dmp": (
        "EXC_CRASH", "code 0x6000000", "crashy", 56685, 1, 40,
        ["libsystem_kernel.dylib", "libsystem_c.dylib", "crashy", "libdyld.dylib"],
    ),
    "test.dmp": (
        "EXCEPTION_ACCESS_VIOLATION", "write at 0x45", "test_app.exe", 3932, 2, 13,
        ["test_app.exe"] * 3 + ["kernel32.dll"],
    ),
    "thread_name_list.dmp": (
        "EXCEPTION_ACCESS_VIOLATION", "read at 0xf1004", "allocer32.exe", 6040, 6, 17,
        ["allocer32.exe", "kernel32.dll", "ntdll.dll", "ntdll.dll"],
    ),
    "write_av_non_null.dmp": (
        "EXCEPTION_ACCESS_VIOLATION", "write at 0x4e3c9", "crashme.exe", 6840, 2, 26,
        ["crashme.exe", "kernel32.dll", "ntdll.dll", "ntdll.dll"],
    ),
}  # fmt: skip


def read(name: str) -> CrashLog:
    [log] = minidump.parse(Document((CORPUS / "minidump" / name).read_bytes()))
    return log


@pytest.mark.parametrize("name", DUMPS)
def test_each_dump_tells_its_exception_process_and_stack(name):
    kind, code, process, pid, threads, images, on_stack = DUMPS[name]

    log = read(name)

    assert (log.faults[0].type, log.faults[0].code) == (kind, code)
    assert (log.process, log.process_id, len(log.threads), len(log.images)) == (process, pid, threads, images)
    sure = [frame.image for frame in log.crash_frames if frame.note != stack.BY_SEARCH]
    assert sure == on_stack


def test_a_dump_is_read_as_another_stack_walker_reads_it():
    """Its output is in `minidump-processed`: a return address there is that of the call, one byte before."""
    log = read("test.dmp")

    assert [frame.address for frame in log.crash_frames] == [0x40429E, 0x4041FF + 1, 0x4053EB + 1, 0x7C816FD6 + 1]
    assert [image.debug_id for image in log.images[:2]] == [
        "5A9832E5287241C1838ED98914E9B7FF1", "36515FB5D04345E491F672FA2E2878C02",
    ]  # fmt: skip
    assert log.threads[0].registers["esp"] == 0x12FE84


def test_annotations_and_thread_names_are_read():
    assert read("simple-crashpad.dmp").custom == {
        "hello": "world",
        "annotations of images": {"libsystem_c.dylib": {"list": ["abort() called"]}, "dyld": {"list": ["dyld2 mode"]}},
    }
    assert read("thread_name_list.dmp").threads[0].name == "main thread"


def test_every_minidump_of_the_folder_is_claimed_by_its_own_parser_and_no_other():
    for path in sorted((CORPUS / "minidump").iterdir()):
        document = Document(path.read_bytes())
        claims = [name for name, parser in PARSERS.items() if parser.sniff(document)]

        expected = ["microdump"] if path.name.startswith("microdump-") else []
        assert claims == (["minidump"] if document.raw.startswith(b"MDMP") else expected), path.name


MICRODUMPS = {  # file -> images, the first frames that were not found by searching, app
    "microdump-arm.dmp": (6, ["breakpad_unittests"] * 2, None),
    "microdump-arm64.dmp": (8, ["breakpad_unittests"] * 8 + ["libc.so", "breakpad_unittests"], None),
    "microdump-x86.dmp": (124, ["libc.so", "libchrome.so"], "Chrome_Android"),
}


@pytest.mark.parametrize("name", MICRODUMPS)
def test_each_microdump_tells_its_stack_and_images(name):
    images, on_stack, app = MICRODUMPS[name]

    [log] = microdump.parse(Document((CORPUS / "minidump" / name).read_bytes()))

    sure = [frame.image for frame in log.crash_frames if frame.note != stack.BY_SEARCH]
    assert (len(log.images), log.app.name, log.os.name) == (images, app, "Android")
    assert sure[: len(on_stack)] == on_stack
