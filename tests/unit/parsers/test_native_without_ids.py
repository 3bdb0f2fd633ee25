"""Native crashes of Android that do not name their process as debuggerd does, or stand in another's words."""

import pytest

from app.crashes.log import CrashLog
from app.parsers import PARSERS, parse
from app.parsers.document import Document

BLOCK = """Build fingerprint: 'google/oriole/oriole:14/UP1A.231005.007/10754064:user/release-keys'
ABI: 'arm64'
{process}signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x18
    x0   0000000000000007  x1   0000000000000000  x2   0000000000000001  x3   0000000000000002

backtrace:
    #00 pc 0000000000012d48  /data/app/libtills.so (tills::pay(int)+8)
    #01 pc 0000000000071a2c  /system/lib64/libc.so (__pthread_start(void*)+204)
"""
PROCESS = "pid: 71, tid: 72, name: worker  >>> com.example.tills <<<\n"
UNITY_2018 = """java.lang.Error: FATAL EXCEPTION [UnityMain]
Unity version     : 2018.4.1f1
Device model      : Example Phone 7
Device fingerprint: google/panther/panther:13/TQ1A.230105.002/9325679:user/release-keys

Caused by: java.lang.Error: signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0000024c
Build fingerprint: 'google/panther/panther:13/TQ1A.230105.002/9325679:user/release-keys'
\tat libunity.0007f0c0(Native Method)
\tat libil2cpp.00123456(Native Method)
\tat libtills.tills_pay(tills_pay:12)
"""


def read(text: str) -> CrashLog:
    claims = [name for name, parser in PARSERS.items() if parser.sniff(Document(text.encode()))]
    [log] = parse(text.encode())
    assert claims == [log.format]
    return log


@pytest.mark.parametrize("indent", ["", "    ", "\t"])
@pytest.mark.parametrize("process", [PROCESS, ""])
def test_a_tombstone_is_read_without_its_process_line_and_pasted_with_blanks(process, indent):
    text = "".join(f"{indent}{line}\n" for line in BLOCK.format(process=process).split("\n"))

    log = read(text)

    assert (log.faults[0].signal, log.faults[0].code) == ("SIGSEGV", "SEGV_MAPERR at 0x18")
    assert [frame.function for frame in log.crash_frames] == ["tills::pay(int)", "__pthread_start(void*)"]
    assert (log.process, log.os.version) == ("com.example.tills" if process else None, "14")
    assert log.threads[0].registers["x0"] == 7


@pytest.mark.parametrize("prefix", ["", "03-01 10:00:00.100  5000  5020 E AndroidRuntime: "])
def test_unitys_older_error_has_signal_frames_and_device(prefix):
    lines = ["FATAL EXCEPTION: UnityMain", "Process: com.example.tills, PID: 5000", *UNITY_2018.split("\n")]

    log = read("\n".join(prefix + line for line in lines))

    assert (log.faults[0].type, log.faults[0].code) == ("SIGSEGV", "SEGV_MAPERR at 0x0000024c")
    assert [(frame.function, frame.address) for frame in log.crash_frames] == [
        (None, 0x7F0C0), (None, 0x123456), ("tills_pay", None)]  # fmt: skip
    assert (log.process, log.process_id, log.threads[0].name) == ("com.example.tills", 5000, "UnityMain")
    assert (log.device.model, log.os.version, dict(log.details)) == (
        "Example Phone 7",
        "13",
        {"unity_version": "2018.4.1f1"},
    )


def test_what_stands_above_the_process_line_of_a_block_in_a_log_is_told():
    head = "E AndroidRuntime: java.lang.Error: *** *** *** *** *** *** *** *** *** *** *** *** *** *** *** ***"
    lines = ["Timestamp: 2022-06-15 17:16:07+0200", *BLOCK.format(process=PROCESS).split("\n")]
    stamp = "05-07 17:25:16.035 71 71 "

    log = read(
        "\n".join([stamp + head, *(f"{stamp}E AndroidRuntime: {line}" for line in [lines[1], lines[0], *lines[2:]])])
    )

    assert (log.os.version, log.device.arch, log.process_id) == ("14", "arm64", 71)
    assert log.occurred_at is not None
