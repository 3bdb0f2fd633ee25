"""Writes an Android tombstone as protobuf with the facts of the text sample; run as a program, it writes the sample file."""

from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "app" / "samples"
SAMPLE = SAMPLES / "android-tombstone-proto" / "native-android-14.pb"

_APK = "/data/app/~~q8Yw1ZbLJ3c0bJ2x0T4m0A==/com.example.shop-Zk3b9T0cW3m2mFQv8h1xNw==/"
_LIBC = ("/apex/com.android.runtime/lib64/bionic/libc.so", "058e3ec96fa600fb840a6a6956c6b64e", 0x7D8A19F000)
_CART = (f"{_APK}base.apk!libcart.so", "11b2c3d4e5f60718293a4b5c6d7e8f9011223344", 0x7A20000000)
_ART = ("/apex/com.android.art/lib64/libart.so", "735f12f804f88d62a2cb437261076ff7", 0x7C00000000)
_ODEX = (f"{_APK}oat/arm64/base.odex", "", 0x7A30000000)
_BOOT = ("/system/framework/arm64/boot.oat", "4a1f0c", 0x70000000)
_NONE = ("", "", 0)
_UTILS = ("/system/lib64/libutils.so", "", 0x7D90000000)

_ABORT = "cart.cpp:88: total must not be negative\ngot -3"
_CRASHED = [
    (_LIBC, 0x53A48, "abort", 164),
    (_CART, 0x12A1C, "cart::Cart::total(std::__1::vector<int> const&) const", 120),
    (_CART, 0x13010, "Java_com_example_shop_Cart_total", 48),
    (_ART, 0x371AF0, "art_quick_generic_jni_trampoline", 144),
    (_ODEX, 0x2D44, "com.example.shop.CartWorker.run", 116),
    (_BOOT, 0x3A1234, "java.lang.Thread.run", 72),
    (_NONE, 0xFA1C4, "", 0),
]
_CRASHED_REGISTERS = {
    "x0": 0, "x1": 0x1FE0, "x2": 6, "x3": 0x7A1C2FF6D0, "lr": 0x7D8A1F2A1C, "sp": 0x7A1C2FF6B0, "pc": 0x7D8A1F2A48,
    "pst": 0x1000,
}  # fmt: skip
_MAIN = [(_LIBC, 0xA2F08, "__epoll_pwait", 8), (_UTILS, 0x17E1C, "android::Looper::pollInner(int)", 188)]
_MAIN_REGISTERS = {"x0": 0xFFFFFFFFFFFFFFFC, "x1": 0x7FF0A1B2C8, "x2": 16, "x3": 0xFFFFFFFF}


def varint(value: int) -> bytes:
    """The value modulo 2**64, seven bits a byte."""
    value &= 2**64 - 1
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a message; nothing for proto3's defaults."""
    if not value:
        return b""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def _thread(
    tid: int, name: str, registers: dict[str, int], frames: list[tuple[tuple[str, str, int], int, str, int]]
) -> bytes:
    content = field(1, tid) + field(2, name)
    content += b"".join(field(3, field(1, key) + field(2, value)) for key, value in registers.items())
    for (path, build_id, base), relative, function, offset in frames:
        told = field(1, relative) + field(2, base + relative) + field(3, 0x7A1C2FF6B0) + field(4, function)
        content += field(4, told + field(5, offset) + field(6, path) + field(8, build_id))
    content += field(5, field(1, "x3") + field(2, "[anon:stack_and_tls:8160]") + field(4, b"\0" * 32))
    return field(16, field(1, tid) + field(2, content))


def _mapping(image: tuple[str, str, int], begin: int, end: int, offset: int, is_code: bool) -> bytes:
    path, build_id, base = image
    told = field(1, base + begin) + field(2, base + end) + field(3, offset) + field(4, 1) + field(6, int(is_code))
    return field(17, told + field(7, path) + field(8, build_id))


def tombstone(
    *, arch: int = 1, signal: bytes | None = None, abort: str = "cart.cpp:88: total must not be negative\ngot -3"
) -> bytes:
    """The whole tombstone; `arch` 0 is 32-bit ARM. The crashed thread stands last, as a map may have it."""
    signal = field(1, 6) + field(2, "SIGABRT") + field(3, -1) + field(4, "SI_QUEUE") if signal is None else signal
    return b"".join([
        field(1, arch),
        field(2, "acme/phone7/phone7:14/UP1A.231005.007/10754064:user/release-keys"),
        field(3, "MP1.0"),
        field(4, "2024-03-05 18:20:11.406372816+0100"),
        field(5, 8123),
        field(6, 8160),
        field(7, 10234),
        field(8, "u:r:untrusted_app:s0"),
        field(9, "com.example.shop"),
        field(10, signal),
        field(14, abort),
        _thread(8123, "example.shop", _MAIN_REGISTERS, _MAIN),
        _thread(8160, "cart-worker", _CRASHED_REGISTERS, _CRASHED),
        _mapping(_LIBC, 0, 0x40000, 0, False),
        field(17, field(1, _LIBC[2] + 0x40000) + field(2, _LIBC[2] + 0x44000)),
        _mapping(_LIBC, 0x44000, 0xB0000, 0x40000, True),
        _mapping(_CART, 0, 0x20000, 0x4000, True),
        _mapping(_ODEX, 0, 0x8000, 0, True),
        _mapping(("[anon:scudo:primary]", "", 0x7B00000000), 0, 0x40000, 0, False),
        field(18, field(1, "main") + field(2, field(6, "a line of the log"))),
        field(20, 42),
        field(22, 4096),
    ])  # fmt: skip


if __name__ == "__main__":
    SAMPLE.parent.mkdir(exist_ok=True)
    SAMPLE.write_bytes(tombstone())
