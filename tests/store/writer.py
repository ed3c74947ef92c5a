"""A process that writes a log until it is killed, and says which events it was told are kept.

Run as `python -m tests.store.writer LOG`. One line a commit: the seq up to which events are kept.
"""

import sys
import time
from pathlib import Path

from gpt_trader.domain.events import ClockTicked
from gpt_trader.store.event_log import EventLog


def main(path: Path) -> None:
    """Append steps of one to three events, every fifth of them durably, without an end."""
    log = EventLog.open(path, time.time_ns)
    while True:
        first = log.head[0] + 1
        for seq in range(first, first + 1 + first % 3):
            log.append(ClockTicked(seq))
        if first % 5 == 0:
            log.commit_durable()
        else:
            log.commit()
        if first % 97 == 0:
            log.checkpoint()
        if first % 53 == 0:
            log.snapshots.save(log.head[0], b"state" * 1000)
        print(log.head[0], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
