"""What is known of a job as lines for people: what `jobs show` prints."""

import json
from collections.abc import Iterator, Mapping

from experimaestro.documents.nodes import shown
from experimaestro.inventory import removing
from experimaestro.inventory.jobs import JobRecord
from experimaestro.inventory.telling import Story
from experimaestro.monitor.words import duration, tags_text


def lines(job: JobRecord, story: Story) -> Iterator[str]:
    """The lines: what it is and became of it, its history, parameters, results, and folder."""
    outcome = story.outcome if story.outcome is not None and not story.outcome.is_done else None
    reason = f" ({outcome.status})" if outcome is not None and outcome.status != job.state else ""
    yield f"{job.key}: {job.state}{reason}"
    if outcome is not None:
        yield from (f"  {line}" for line in (outcome.frame, *outcome.message.splitlines()) if line)
    yield from (f"  {line}" for line in _history(job, story))
    for title, values in ("parameters", story.parameters), ("results", story.results):
        if values:
            yield f"{title}:"
            rows = values if isinstance(values, Mapping) else {"result": values}
            yield from (f"  {name} = {json.dumps(value, default=str)}" for name, value in rows.items())
    yield f"folder: {job.paths.folder}"


def _history(job: JobRecord, story: Story) -> Iterator[str]:
    """Who submitted it, when and where it ran, and with which code."""
    if story.because:
        yield f"was not run because {story.because} failed"
    if job.tags:
        yield f"tags: {tags_text(job.tags)}"
    if job.experiments:
        yield f"experiments: {', '.join(job.experiments)}"
    if story.started is not None:
        took = f", took {duration(story.seconds)}" if story.seconds is not None else ""
        yield f"started {story.started:%Y-%m-%d %H:%M:%S}{took}"
    if story.ended is not None:
        yield f"ended {story.ended:%Y-%m-%d %H:%M:%S}"
    if story.outcome is not None and story.outcome.peak_memory is not None:
        yield f"peak memory {removing.shown(story.outcome.peak_memory)}"
    if story.process:
        again = f", at attempt {story.attempts}" if story.attempts > 1 else ""
        yield f"{'runs' if job.state in {'running', 'unknown'} else 'ran'} as {story.process}{again}"
    for value, text in story.progress:
        yield f"{100 * value:.0f} % {text}".rstrip()
    if story.changed_code:
        yield f"ran other code; changed since: {', '.join(map(shown, story.changed_code))}"
