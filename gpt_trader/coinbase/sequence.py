"""Counts the frames of one connection, so that a lost one is noticed on the next."""

from enum import Enum


class Continuity(Enum):
    """How a frame's number follows the one before."""

    NEXT = "next"
    GAP = "gap"  # frames are missing
    REPEAT = "repeat"  # a frame we had
    RESTART = "restart"  # the counter began anew on the same connection


class SequenceCheck:
    """Follows `sequence_num`, one counter a connection over all channels, from 0 (wire, 3.4)."""

    def __init__(self) -> None:
        self.expected = 0

    def take(self, sequence: int) -> Continuity:
        """Judge the next frame's number; only one that continues moves the count."""
        if sequence == self.expected:
            self.expected += 1
            return Continuity.NEXT
        if sequence > self.expected:
            return Continuity.GAP
        return Continuity.RESTART if sequence == 0 else Continuity.REPEAT
