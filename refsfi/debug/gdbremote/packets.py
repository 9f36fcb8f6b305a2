"""The protocol's framing: what comes in as packets, acknowledgements and interrupts; what goes out as bytes.

A packet is `$payload#hh`, with the sum of the payload's bytes modulo 256 behind it. In a payload `}` announces a byte
that is sent with bit 5 flipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final, TypeAlias

__all__ = ["MOST", "Framer", "Garbled", "Signal", "frame"]

# Bytes of a packet's payload: what we tell the client, and the most that we keep of one that does not end.
MOST: Final = 1 << 16

_START, _END, _ESCAPE, _INTERRUPT = b"$#}\x03"
_ESCAPED: Final = frozenset(b"$#}*")


class Signal(Enum):
    """What a client sends outside of packets."""

    ACK = "+"
    NAK = "-"
    INTERRUPT = "\x03"


class Garbled(Enum):
    """Why a packet is refused."""

    CHECKSUM = "its checksum is wrong"
    LENGTH = "it is longer than PacketSize"


Item: TypeAlias = bytes | Signal | Garbled


class Framer:
    """Bytes in, as they come; payloads, signals and broken packets out. What lies between packets is skipped."""

    def __init__(self) -> None:
        # From the beginning of a packet whose end has not come yet; empty outside of a packet.
        self._packet = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[Item]:
        """What is complete with these bytes."""
        for byte in data:
            if not self._packet:
                if byte == _START:
                    self._packet.append(byte)
                elif byte in b"+-\x03":
                    yield Signal(chr(byte))
                continue
            self._packet.append(byte)
            if len(self._packet) >= 4 and self._packet[-3] == _END:
                yield self._finish()
            elif len(self._packet) > MOST + 4:
                # Its end still has to be found.
                del self._packet[1:-3]
                self._too_long = True

    def _finish(self) -> Item:
        payload, digits = bytes(self._packet[1:-3]), bytes(self._packet[-2:])
        self._packet.clear()
        if self._too_long:
            self._too_long = False
            return Garbled.LENGTH
        try:
            expected = int(digits, 16)
        except ValueError:
            return Garbled.CHECKSUM
        return _unescape(payload) if sum(payload) & 0xFF == expected else Garbled.CHECKSUM


def _unescape(payload: bytes) -> bytes:
    if _ESCAPE not in payload:
        return payload
    plain = bytearray()
    flip = 0
    for byte in payload:
        if byte == _ESCAPE and not flip:
            flip = 0x20
        else:
            plain.append(byte ^ flip)
            flip = 0
    return bytes(plain)


def frame(payload: bytes) -> bytes:
    """A payload as the bytes to send."""
    if not _ESCAPED.isdisjoint(payload):
        payload = b"".join(bytes((_ESCAPE, b ^ 0x20)) if b in _ESCAPED else bytes((b,)) for b in payload)
    return b"$%b#%02x" % (payload, sum(payload) & 0xFF)
