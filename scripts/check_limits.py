#!/usr/bin/env python3
"""Checks that the limits in the documentation are those in the code.

    scripts/check_limits.py

LIMITS says for each row (or sentence) which constants its numbers are. Every number there must be
claimed and have the value of its constant; in the tables under the headings in COMPLETE, so must every
row that has a number.

Prints each difference with its place; exits 1 if there is one. Before, it makes sure that it would
notice: each number that it looks at is changed once, and each change has to be found.
"""

import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
API = "crates/node/src/api/limits.rs"
LINKS = "crates/node/src/net/config.rs"
NODE = "crates/node/src/node.rs"
WRITER = "crates/node/src/store/writer.rs"
ENGINE = "crates/consensus/src/engine/"
REPLICA = "crates/replica/src/"
PROTO = "crates/proto/src/limits.rs"

# Under these headings every row of a table that has a number is claimed below.
COMPLETE = {
    ("docs/architecture.md", "## Threads and queues of a server"),
    ("docs/protocol.md", "## Limits"),
    ("docs/threat-model.md", "## Limits on resources"),
}

# Page, how the row begins, and what its numbers are from left to right: the file, and the name of a
# constant or of a field with a default.
LIMITS = [
    ("docs/architecture.md", "| `ally-driver` |",
     [("crates/node/src/driver/inbox.rs", "TURN_EVENTS_MAX")]),
    ("docs/architecture.md", "| blocking threads of tokio |",
     [(API, "READS_MAX"), ("crates/node/src/driver/serve.rs", "ANSWERS_PER_PEER_MAX")]),
    ("docs/architecture.md", "| one client's unanswered entries |",
     [(API, "UNANSWERED_BYTES_PER_CLIENT_MAX"), (API, "UNANSWERED_ENTRIES_PER_CLIENT_MAX")]),
    ("docs/architecture.md", "| all clients' proposals,",
     [(API, "PROPOSALS_BYTES_MAX"), (API, "ROOM_PATIENCE"), (API, "MESSAGE_PATIENCE"),
      (API, "REPLY_PATIENCE")]),
    ("docs/architecture.md", "| all answers with entries that are not sent |",
     [(API, "ANSWERS_BYTES_MAX"), (API, "ROOM_PATIENCE")]),
    ("docs/architecture.md", "| inbox of clients |", [(NODE, "INBOX"), (API, "BUSY_PATIENCE")]),
    ("docs/architecture.md", "| commands taken and not ordered |",
     [("crates/alliance/src/document/parameters.rs", "undecided_bytes")]),
    ("docs/architecture.md", "| inboxes of control and bulk |", [(NODE, "INBOX")]),
    ("docs/architecture.md", "| read from one peer and not handled |", [(LINKS, "received_bytes")]),
    ("docs/architecture.md", "| to one peer, control |",
     [(LINKS, "control_queue_bytes"), (LINKS, "queue_frames")]),
    ("docs/architecture.md", "| to one peer, bulk |",
     [(LINKS, "bulk_queue_bytes"), (LINKS, "queue_frames")]),
    ("docs/architecture.md", "| an origin's batches not ordered |",
     [(REPLICA + "config.rs", "undecided_bytes_max"), (REPLICA + "pool.rs", "ORIGIN_BATCHES_MAX")]),
    ("docs/architecture.md", "| decided blocks that wait for batches |",
     [(REPLICA + "replica/delivery.rs", "UNDELIVERED_MAX")]),
    ("docs/architecture.md", "| to the store |",
     [(WRITER, "QUEUE_BYTES_MAX"), (WRITER, "COMMIT_BYTES_MAX")]),
    ("docs/architecture.md", "| replies to one stream |", [(API, "REPLIES_QUEUED_MAX")]),
    ("docs/architecture.md", "| frames and messages |",
     [(LINKS, "control_frame_bytes"), ("crates/node/src/api/serve.rs", "MESSAGE_BYTES_MAX")]),
    ("docs/architecture.md", "An idle server sleeps:", [(LINKS, "keep_alive")]),
    ("docs/protocol.md", "| blocks past the decided one |",
     [("crates/consensus/src/config.rs", "WINDOW_BLOCKS")]),
    ("docs/protocol.md", "| blocks past the certified one, headers in a report |",
     [("crates/consensus/src/message.rs", "BRANCH_HEADERS_MAX")]),
    ("docs/protocol.md", "| a new leader's choice with the longest reports of all |",
     [("crates/consensus/src/bounds.rs", "NEW_VIEW_BYTES_MAX")]),
    ("docs/protocol.md", "| reports of one server that are wrong inside |",
     [("crates/consensus/src/remembered.rs", "FAULTY_REPORTS_MAX")]),
    ("docs/protocol.md", "| blocks in the tree |", [(ENGINE + "tree.rs", "TREE_BLOCKS_MAX")]),
    ("docs/protocol.md", "| votes of one server for unknown blocks |",
     [(ENGINE + "learner.rs", "PENDING_VOTES_PER_SENDER")]),
    ("docs/protocol.md", "| proposals of one leader for views not open |",
     [(ENGINE + "learner.rs", "FUTURE_PROPOSALS_PER_SENDER")]),
    ("docs/protocol.md", "| blocks asked for at once because of one server |",
     [(ENGINE + "fetch.rs", "WANTS_PER_SERVER_MAX")]),
    ("docs/protocol.md", "| proofs remembered as reported |",
     [(ENGINE + "evidence.rs", "ACCUSATIONS_MAX")]),
    ("docs/threat-model.md", "| connections, all together / of one client |",
     [(API, "CONNECTIONS_MAX"), (API, "CONNECTIONS_PER_CLIENT_MAX")]),
    ("docs/threat-model.md", "| handshakes at a time,",
     [(API, "HANDSHAKES_MAX"), (API, "HANDSHAKES_PER_ADDRESS_MAX"), (API, "HANDSHAKE_TIMEOUT")]),
    ("docs/threat-model.md", "| calls on one connection; streams of one client; those that propose |",
     [(API, "CALLS_PER_CONNECTION_MAX"), (API, "STREAMS_PER_CLIENT_MAX"),
      (API, "PROPOSE_STREAMS_PER_CLIENT_MAX")]),
    ("docs/threat-model.md", "| sent by clients and not looked at, per connection |",
     [("crates/node/src/api/serve.rs", "CONNECTION_WINDOW_BYTES")]),
    ("docs/threat-model.md", "| proposals of all clients,", [(API, "PROPOSALS_BYTES_MAX")]),
    ("docs/threat-model.md", "| answers with entries to all clients,", [(API, "ANSWERS_BYTES_MAX")]),
    ("docs/threat-model.md", "| unanswered entries of one client |",
     [(API, "UNANSWERED_ENTRIES_PER_CLIENT_MAX"), (API, "UNANSWERED_BYTES_PER_CLIENT_MAX")]),
    ("docs/threat-model.md", "| a message; a command |",
     [(PROTO, "REQUEST_BYTES_MAX"), (PROTO, "REQUEST_ENTRIES_MAX"), (PROTO, "COMMAND_BYTES_MAX")]),
    ("docs/threat-model.md", "Between servers:",
     [(LINKS, "half_open"), (LINKS, "half_open_per_address"), (LINKS, "handshake_max"),
      (LINKS, "bulk_frame_bytes"), (LINKS, "received_bytes")]),
]

NUMBER = re.compile(r"\b\d[\d,]*(?: (?:KiB|MiB|ms|s)\b)?")
DURATION = re.compile(r"^(?:Duration|Micros)(?:::from_(secs|millis|micros))?\((.*)\)$")


@cache
def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def expression(path, name):
    """What the source says a constant, a field's default, or an alliance's parameter is."""
    source = text(path)
    for pattern in (
        rf"^\s*(?:pub(?:\(\w+\))? )?const {name}: \S+ = (.*?);",  # const NAME: usize = 1 << 20;
        rf'^\s*name: "{name}",.*?default: (.*?),$',  # name: "it", ... default: 1,
        rf"^\s*{name}: ([^a-z&].*?),$",  # it: 1 << 20,
    ):
        found = re.search(pattern, source, re.MULTILINE | re.DOTALL)
        if found:
            return found.group(1)
    raise SystemExit(f"{path}: no `{name}` is found; has it moved? LIMITS of {__file__} names it")


def value(path, name):
    """The number of a constant, and its unit: bytes and counts have none, times are in ms."""
    words = expression(path, name)
    duration = DURATION.match(words)
    if duration:
        scale = {"secs": 1000, "millis": 1}[duration.group(1)]
        return int(duration.group(2)) * scale, "ms"
    for other in set(re.findall(r"[A-Z][A-Z_]+", words)):
        # Defined in the same file, or in the crate that all limits of clients come from.
        place = path if re.search(rf"const {other}:", text(path)) else PROTO
        words = words.replace(other, str(value(place, other)[0]))
    if not re.fullmatch(r"[\d_\s<*+()-]+", words):
        raise SystemExit(f"{path}: `{name}` is `{words}`, which this checker cannot work out")
    return eval(words), ""  # digits and operators only


def shown(number):
    """What a number on a page means, as `value` gives it."""
    digits, _, unit = number.partition(" ")
    count = int(digits.replace(",", ""))
    scale = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "ms": 1, "s": 1000}[unit]
    return count * scale, "ms" if unit in {"ms", "s"} else ""


def paragraph(lines, start):
    """A row of a table, or a sentence to the end of its paragraph."""
    if lines[start].startswith("|"):
        return lines[start]
    end = next((at for at in range(start, len(lines)) if not lines[at].strip()), len(lines))
    return " ".join(lines[start:end])


def differences(pages):
    """A line for each number that is not what the code says, or that nobody claims."""
    claimed = set()
    for page, begin, constants in LIMITS:
        lines = pages[page].split("\n")
        starts = [at for at, line in enumerate(lines) if line.startswith(begin)]
        if len(starts) != 1:
            yield f"{page}: {len(starts)} lines begin with `{begin}`, expected one"
            continue
        claimed.add((page, starts[0]))
        numbers = NUMBER.findall(paragraph(lines, starts[0]))
        place = f"{page}:{starts[0] + 1}"
        if len(numbers) != len(constants):
            yield f"{place}: the numbers {numbers}, and {len(constants)} constants"
        for number, (path, name) in zip(numbers, constants):
            if shown(number) != value(path, name):
                yield f"{place}: {number}, and {name} in {path} is {expression(path, name)}"
    for page, heading in sorted(COMPLETE):
        inside = False
        for at, line in enumerate(pages[page].split("\n")):
            inside = line == heading if line.startswith("## ") else inside
            row = inside and line.startswith("|")
            if row and NUMBER.search(line) and (page, at) not in claimed:
                yield f"{page}:{at + 1}: no constant is named for `{line}`"


def read_pages():
    return {page: text(page) for page in {page for page, _, _ in LIMITS}}


def notices_what_it_should():
    """Whether each number is noticed when it is another one."""
    for page, begin, _ in LIMITS:
        lines = text(page).split("\n")
        start = next(at for at, line in enumerate(lines) if line.startswith(begin))
        length = len(paragraph(lines, start))
        offset = sum(len(line) + 1 for line in lines[:start])
        for number in NUMBER.finditer(text(page), offset, offset + length):
            changed = text(page)[: number.start()] + "7" + text(page)[number.start() :]
            if not any(differences(read_pages() | {page: changed})):
                print(f"not noticed: 7{number.group()} in {page}, `{begin}`")
                return False
    return True


def main():
    found = list(differences(read_pages()))
    for line in found:
        print(line)
    if not found and not notices_what_it_should():
        print("this checker does not find mistakes that were planted for it")
        return 1
    count = sum(len(constants) for _, _, constants in LIMITS)
    print(f"{count} limits, {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
