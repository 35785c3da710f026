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
