"""Draws what became of a conversation as a ladder: a column for each who took part, a line for each message with all the
hops that it went over, each labelled with its transport."""

import json
import math
import os
import sys

from hep import Copy
from sip import Message

GAP = 15
IS_COLOURED = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if IS_COLOURED else text


def bold(text):
    return paint("1", text)


def grey(text):
    return paint("2", text)


class Leg:
    """A hop between two columns. at is infinite while nothing is known of its time."""

    def __init__(self, copy, start, end):
        self.copy, self.start, self.end = copy, start, end
        self.at = copy.at or math.inf

    @property
    def is_rightwards(self):
        return self.end > self.start

    @property
    def is_refusal(self):
        return self.copy.message.status >= 300

    def is_of(self, other):
        """True if both are of one transaction."""
        return self.copy.step[0] == other.copy.step[0]


class Line:
    """One message, from the first who sent it to the last who got it in one go."""

    def __init__(self, leg):
        self.copy, self.began, self.ended = leg.copy, leg.at, leg.at
        self.stops = [leg.start, leg.end]

    def add(self, leg):
        self.ended = leg.at
        self.stops.append(leg.end)


def legs_of(copies, column_of):
    """Without those of somebody who has no column, what ends at its next hop (100), and repeats."""
    legs = {}
    for copy in copies:
        start, end = column_of(copy.source, copy), column_of(copy.target, copy)
        if start is not None and end is not None and start != end and copy.message.status != 100:
            legs.setdefault((copy.step, start, end), Leg(copy, start, end))
    return list(legs.values())


def lines_of(copies, column_of):
    """Joins the hops to lines, in the order in which these began."""
    legs = legs_of(copies, column_of)
    set_times(legs)
    messages = {}
    for leg in sorted(legs, key=lambda leg: leg.at):
        messages.setdefault((leg.copy.step, leg.is_rightwards), []).append(leg)
    lines = [line for legs in messages.values() for line in join(legs)]
    return sorted(lines, key=lambda line: line.began)


def is_cause(leg, later):
    """True if the one hop can only come after the other: the message goes on, or is answered; or somebody is asked
    because the one before said no."""
    if leg.copy.step == later.copy.step:
        return leg.end == later.start and leg.is_rightwards == later.is_rightwards
    if not leg.is_of(later):
        return False
    if later.copy.message.status:
        return not leg.copy.message.status and (leg.start, leg.end) == (later.end, later.start)
    return leg.is_refusal and leg.end == later.start and leg.start < later.end


def set_times(legs):
    """Who sends notes the time after it has sent, which may be later than what the receiver noted, and of the hops
    between the proxies none is known: each is put before what it causes, or behind its cause if it causes nothing."""
    for _ in legs:
        for leg in legs:
            leg.at = min([leg.at] + [later.at - 1e-6 for later in legs if is_cause(leg, later)])
    for leg in legs:
        if leg.at == math.inf:
            leg.at = max(before.at for before in legs if is_cause(before, leg)) + 1e-6


def join(legs):
    """The same message from several senders, as the refusals of two servers: the last of them is passed on."""
    lines = []
    for leg in legs:
        open_lines = [line for line in lines if line.stops[-1] == leg.start]
        if open_lines:
            max(open_lines, key=lambda line: line.ended).add(leg)
        else:
            lines.append(Line(leg))
    return lines


def draw(copies, columns, column_of, transport_of, note_of=lambda message: ""):
    """The text. columns: (name, organisation) from left to right; transport_of(column, column) names a hop."""
    width = GAP * (len(columns) - 1) + 1
    out = [head([organisation for _, organisation in columns], is_joined=True),
           head([name for name, _ in columns])]
    lines = lines_of(copies, column_of)
    for line in lines:
        row = [" "] * width
        for column in range(len(columns)):
            row[column * GAP] = "|"
        for number, (start, end) in enumerate(zip(line.stops, line.stops[1:])):
            label = line.copy.what if number == 0 else transport_of(start, end)
            segment(row, start * GAP, end * GAP, label)
        since, took = (line.began - lines[0].began) * 1000, (line.ended - line.began) * 1000
        notes = ([f"{took:.1f} ms"] if len(line.stops) > 2 else []) + [note_of(line.copy.message)]
        out.append(f"{since:8.1f} ms    " + "".join(row) + grey(("  " + "  ".join(notes)).rstrip()))
    return "\n".join(out)


def head(names, is_joined=False):
    """The names over their columns; equal ones that stand side by side are written once, in their middle."""
    row = [" "] * (GAP * len(names) + 16)
    start = 0
    while start < len(names):
        end = start + 1
        while is_joined and end < len(names) and names[end] == names[start]:
            end += 1
        middle = 15 + (start + end - 1) * GAP // 2
        at = max(0, middle - len(names[start]) // 2)
        row[at:at + len(names[start])] = names[start]
        start = end
    return "".join(row).rstrip()


def segment(row, start, end, label):
    """An arrow between two columns, over those between them."""
    low, high = min(start, end) + 1, max(start, end)
    if len(label) + 3 > high - low and label[0].isdigit():
        label = label.partition(" ")[0]
    body = f" {label} ".center(high - low - 1, "-")
    row[low:high] = body + ">" if end > start else "<" + body


def hops_of_log(path, call_id):
    """The hops that a proxy sent to the other one, from its trace (log.trace: [interconnection], as JSON). Its time is in
    whole milliseconds, too coarse for the order."""
    hops = []
    with open(path, encoding="utf-8", errors="replace") as log:
        for row in log:
            if call_id in row and '"event":"sent"' in row and '"transport":"mtls"' in row:
                entry = json.loads(row)
                source, target = (entry[key].rpartition(":")[0] for key in ("local", "peer"))
                hops.append(Copy(None, source, target, Message(entry["text"])))
    return hops
