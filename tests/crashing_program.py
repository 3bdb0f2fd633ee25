"""A program that is built here without frame pointers, crashes, and leaves what a minidump of it holds."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.minidumps import X86_64, DumpThread, Module, Spec, dump, elf

SOURCE = """\
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <ucontext.h>
static const int order[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9,
    REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
static char *top;
static void leave(int number, siginfo_t *info, void *given) {
    ucontext_t *context = given;
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        write(1, &context->uc_mcontext.gregs[order[i]], 8);
    char *sp = (char *)context->uc_mcontext.gregs[REG_RSP];
    write(1, sp, top - sp);
    _exit(0);
}
__attribute__((noinline)) int price(int *items, int n) {
    volatile int seen[40];
    for (int i = 0; i < n; i++) seen[i % 40] = i;
    return *items + seen[n % 40];
}
__attribute__((noinline)) int total(int n) {
    char text[200];
    snprintf(text, sizeof text, "%d", n);
    return price((int *)(long)(n - 5), n) + text[0] + (int)strlen(text);
}
__attribute__((noinline)) int checkout(int n) {
    volatile long kept[n];
    kept[0] = n;
    return total(n) + (int)kept[0];
}
int main(int n, char **v) {
    static char other[65536];
    stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
    struct sigaction act = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    top = (char *)v;
    sigaltstack(&stack, 0);
    sigaction(SIGSEGV, &act, 0);
    FILE *maps = fopen("/proc/self/maps", "r");
    for (char line[999]; fgets(line, sizeof line, maps); ) fputs(line, stderr);
    return checkout(n + 4) + 1;
}
"""
BUILD_ID = bytes(range(1, 21))
REGISTERS = [
    "rax",
    "rcx",
    "rdx",
    "rbx",
    "rsp",
    "rbp",
    "rsi",
    "rdi",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    "rip",
]


class Crashed(NamedTuple):
    """What is left."""

    program: Path
    dump: bytes


def crash_of_program(folder: Path, *flags: str) -> Crashed:
    """Build the program, let it crash, and make a minidump of it."""
    source, program = folder / "shop.c", folder / "shop"
    source.write_text(SOURCE)
    build_id = f"-Wl,--build-id=0x{BUILD_ID.hex()}"
    built = ["gcc", "-w", "-g", "-O2", "-fomit-frame-pointer", build_id, *flags, "-o", str(program), str(source)]
    subprocess.run(built, check=True)
    left = subprocess.run([str(program)], check=True, capture_output=True)
    words = [int.from_bytes(left.stdout[at : at + 8], "little") for at in range(0, len(left.stdout) // 8 * 8, 8)]
    registers, stack = dict(zip(REGISTERS, words, strict=False)), words[len(REGISTERS) :]
    context = bytearray(1232)
    context[120 : 120 + 8 * len(REGISTERS)] = left.stdout[: 8 * len(REGISTERS)]
    spec = Spec(
        cpu=X86_64,
        modules=_modules(left.stderr.decode()),
        threads=[DumpThread(1, bytes(context), registers["rsp"], tuple(stack))],
        exception=(1, 11, 1, registers["rip"], ()),
    )
    return Crashed(program, dump(spec))


def _modules(maps: str) -> list[Module]:
    spans: dict[str, tuple[int, int]] = {}
    for line in maps.splitlines():
        words = line.split()
        if len(words) == 6 and words[5].startswith("/"):
            start, end = (int(one, 16) for one in words[0].split("-"))
            first = spans.get(words[5], (start, end))[0]
            spans[words[5]] = (first, end)
    return [
        Module(start, end - start, path, elf(BUILD_ID if path.endswith("/shop") else bytes(20)))
        for path, (start, end) in spans.items()
    ]
