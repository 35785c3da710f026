"""Writes the checkpoint of tests/core/store.c from the description of the format in src/core/store.c alone
(Python 3.11, nothing else): prints the bytes as a C initializer."""
import struct


def crc32c(data):
    """Bit by bit, straight from the polynomial 1EDC6F41 in its reflected form."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def block(name, data):
    body = struct.pack("<IQ", len(name), len(data)) + name + data
    return body + struct.pack("<I", crc32c(body))


blocks = [
    (b"net.w", struct.pack("<4f", 1.0, -2.5, 0.0, 3.25)),
    (b"rng", struct.pack("<3I", 0xDEADBEEF, 7, 0)),
    (b"none", b""),
    (b"net.b", struct.pack("<2d", 0.1, -1e300)),
]
body = b"".join(block(*b) for b in blocks)
head = b"MATCHBOX" + struct.pack("<IIqQ", 1, len(blocks), -123456789012, 36 + len(body) + 4)
head += struct.pack("<I", crc32c(head))
whole = head + body
whole += struct.pack("<I", crc32c(whole))
for i in range(0, len(whole), 16):
    print("    " + " ".join("0x%02x," % b for b in whole[i:i + 16]))


def piece(data):
    """The name of a piece, tests/core/pieces.c: a multiplicative hash, the checksum and the length."""
    word = (1 << 64) - 1
    h, whole = len(data), len(data) // 8 * 8
    for i in range(0, whole, 8):
        h = (h ^ int.from_bytes(data[i:i + 8], "little")) * 0x9E3779B97F4A7C15 & word
        h ^= h >> 29
    for byte in data[whole:]:
        h = (h ^ byte) * 0x100000001B3 & word
    h = h * 0xBF58476D1CE4E5B9 & word
    h ^= h >> 32
    return struct.pack("<QII", h, crc32c(data), len(data))


print("{ " + ", ".join("0x%02x" % b for b in piece(bytes(i * i % 256 for i in range(1003)))) + " }")
