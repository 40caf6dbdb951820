"""How a run looks in a terminal: a snapshot, a width and a height become lines of styled text.

Pure. Nothing moves by itself: the places of bars and times follow from the width and from the
names of the jobs, never from progress. What does not fit whole is left out, the least important
first. Everything that comes from a user is text, never markup.
"""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from experimaestro.monitor import words
from experimaestro.monitor.printable import printable
from experimaestro.monitor.snapshot import RunningJob, Snapshot
from experimaestro.monitor.words import Look, Tally

_BAR = 24
"""Least cells of the bar on one line with all the rest"""
_LEFT = len("  about 23 h 50 min left")
_WIDEST_BAR = 60
_JOB_BAR = 12
_MUTED = words.WAITING.colour
_GAP = "  "


def picture(snapshot: Snapshot, title: str, width: int, height: int, *, unicode: bool) -> list[Text]:
    """Draws a run.

    Args:
        snapshot: The run.
        title: Its name.
        width: Cells of a line; no line is wider.
        height: How many lines there may be.
        unicode: Whether more than ASCII can be shown.

    Returns:
        Lines, at least one.
    """
    lines = _trouble(snapshot, width, unicode)
    lines += _head(snapshot, title, width, unicode)
    room = max(0, height - len(lines))
    shown = snapshot.running[:room]
    hidden = snapshot.tally.running - len(shown)
    if hidden > 0 and shown:
        shown = shown[: max(1, room - 1)]
        hidden = snapshot.tally.running - len(shown)
    lines += _rows(shown, width, unicode)
    if hidden > 0 and len(lines) < height:
        lines.append(Text(f"  {'…' if unicode else '...'} {hidden:,} more running", _MUTED))
    for line in lines:
        line.truncate(width, overflow="ellipsis" if unicode else "crop")
    return lines


def failure(headline: str, details: Sequence[str], *, unicode: bool) -> list[Text]:
    """Draws a failure, for printing above everything: lines of any width.

    Args:
        headline: What failed.
        details: What is known of it; indented lines are less important.
        unicode: Whether more than ASCII can be shown.
    """
    look = words.FAILED
    lines = [Text.assemble((f"{_mark(look, unicode)} {headline}", f"bold {look.colour}"))]
    lines += [
        Text(f"  {line}", "dim" if line.startswith((" ", "folder: ", "end of ")) else "") for line in details
    ]
    return lines


def _trouble(snapshot: Snapshot, width: int, unicode: bool) -> list[Text]:
    if not snapshot.trouble:
        return []
    text = f"{_mark(words.FAILED, unicode)} {printable(snapshot.trouble)}: trying again"
    return [Text(line, f"bold {words.FAILED.colour}") for line in _wrapped(text.split(" "), " ", width)[:3]]


def _head(snapshot: Snapshot, title: str, width: int, unicode: bool) -> list[Text]:
    """Name, time, bar and counts: on one line, or on as many as they need."""
    tally = snapshot.tally
    ended = words.FAILED if tally.failed else words.DONE
    look = words.RUNNING if tally.open or not tally.total else ended
    name = Text.assemble((f"{_mark(look, unicode)} ", look.colour), (printable(title), "bold"))
    name.truncate(max(1, width - 7), overflow="ellipsis" if unicode else "crop")
    name.append(f"{_GAP}{words.clock(snapshot.elapsed)}")
    left = ""
    if snapshot.remaining is not None and tally.open:
        left = f"{words.about(snapshot.remaining)} left"
    if not tally.total:
        return [_joined([name, Text("no job yet", _MUTED)], width)]

    legend = [
        Text(f"{count:,} {look.word}", look.colour)
        for count, look in tally.parts()
        if count or look is words.DONE
    ]
    # What the counts may need: the bar keeps its place while they grow
    most = sum(len(f"{_GAP}{tally.total:,} {look.word}") for _, look in tally.parts())
    bar = min(_WIDEST_BAR, width - name.cell_len - len(_GAP) - most - _LEFT)
    if bar >= _BAR:
        return [_joined([name, _bar(tally, bar, unicode), *legend, Text(left, _MUTED)], width)]
    lines = [_joined([name, Text(left, _MUTED)], width)]
    bar = min(_WIDEST_BAR, width - 2 - most)
    if bar >= _BAR // 2:
        return [*lines, Text("  ") + _joined([_bar(tally, bar, unicode), *legend], width - 2)]
    lines.append(Text("  ") + _bar(tally, max(1, min(_WIDEST_BAR, width - 2)), unicode))
    row: list[Text] = []
    for part in legend:
        if row and sum(len(_GAP) + p.cell_len for p in [*row, part]) > width:
            lines.append(Text("  ") + _joined(row, width))
            row = []
        row.append(part)
    return [*lines, Text("  ") + _joined(row, width)]


def _bar(tally: Tally, cells: int, unicode: bool) -> Text:
    """A bar whose parts are as long as there are jobs of a state; each that exists is seen."""
    parts = [(count, look) for count, look in tally.parts() if count]
    bar = Text()
    for (_, look), length in zip(parts, _shares([count for count, _ in parts], cells), strict=True):
        bar.append((look.fill if unicode else look.ascii_fill) * length, look.colour)
    return bar


def _shares(counts: Sequence[int], cells: int) -> list[int]:
    """Shares cells out in proportion; each gets one where there are enough."""
    total = sum(counts)
    shares = [max(1, count * cells // total) for count in counts]
    order = sorted(range(len(counts)), key=lambda i: counts[i], reverse=True)
    for i in order:  # what rounding gave or took is settled with the largest
        shares[i] += cells - sum(shares)
        if shares[i] >= 1:
            break
        shares[i] = 1
    return shares


def _rows(running: Sequence[RunningJob], width: int, unicode: bool) -> list[Text]:
    """One line for each running job, in columns."""
    if not running:
        return []
    tasks = [words.task_name(job.task) for job in running]
    task_width = max(cell_len(task) for task in tasks)
    if task_width > width // 5:  # a column of their own would leave too little for tags
        task_width = 0
    names = [
        Text.assemble(task, " " * (1 + max(0, task_width - cell_len(task))), (_tags(job), _MUTED))
        for task, job in zip(tasks, running, strict=True)
    ]
    times = [words.clock(job.seconds) for job in running]
    time_width = max(5, *(len(time) for time in times))
    has_bar = width >= 60
    fixed = 2 + len(_GAP) + 4 + len(_GAP) + time_width + (len(_GAP) + _JOB_BAR if has_bar else 0)
    room = max(8, width - fixed)
    name_width = min(max(name.cell_len for name in names), room if width < 60 else max(20, room * 3 // 5))
    text_width = room - name_width - len(_GAP)
    lines = []
    for job, name, time in zip(running, names, times, strict=True):
        name.truncate(name_width, overflow="ellipsis" if unicode else "crop", pad=True)
        line = Text("  ") + name
        value = job.progress[0].value if job.progress else None
        if value is not None and not 0 <= value <= 1:
            value = None
        if has_bar:
            line += Text(_GAP) + _job_bar(value, unicode)
        line.append(_GAP + ("    " if value is None else f"{int(100 * value):3}%"))
        line.append(f"{_GAP}{time:>{time_width}}", _MUTED)
        if text_width >= 8:
            text = Text(_progress_text(job), _MUTED)
            text.truncate(text_width, overflow="ellipsis" if unicode else "crop")
            line += Text(_GAP) + text
        lines.append(line)
    return lines


def _tags(job: RunningJob) -> str:
    return words.tags_text(job.tags) or printable(job.key.partition("/")[2][:8])


def _progress_text(job: RunningJob) -> str:
    texts = [printable(level.text) for level in job.progress if level.text]
    if not job.is_here:
        texts.append("runs elsewhere")
    return ", ".join(texts)


def _job_bar(value: float | None, unicode: bool) -> Text:
    if value is None:
        return Text(" " * _JOB_BAR)
    full = int(value * _JOB_BAR)
    done, left = (
        (words.DONE.fill, words.WAITING.fill)
        if unicode
        else (words.DONE.ascii_fill, words.WAITING.ascii_fill)
    )
    return Text.assemble((done * full, words.RUNNING.colour), (left * (_JOB_BAR - full), _MUTED))


def _mark(look: Look, unicode: bool) -> str:
    return look.mark if unicode else look.ascii_mark


def _joined(parts: Sequence[Text], width: int) -> Text:
    """Parts on one line, as many from the left as fit whole."""
    line = Text()
    for part in parts:
        gap = _GAP if line.plain and part.plain else ""
        if line.plain and line.cell_len + len(gap) + part.cell_len > width:
            break
        line += Text(gap) + part
    return line


def _wrapped(pieces: Sequence[str], gap: str, width: int) -> list[str]:
    lines: list[str] = []
    for piece in pieces:
        if lines and cell_len(lines[-1] + gap + piece) <= width:
            lines[-1] += gap + piece
        else:
            lines.append(piece)
    return lines
