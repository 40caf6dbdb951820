"""A traceback in a log: the user's lines apart from those of libraries."""

from experimaestro.monitor.tracebacks import Frame, parse, with_source

LOG = """epoch 1
Traceback (most recent call last):
  File "/data/lab/tasks.py", line 12, in execute
    model.fit(x)
    ~~~~~~~~~^^^
  File "/usr/lib/python3.11/site-packages/torch/nn/module.py", line 99, in fit
    self.forward(x)
  File "/usr/lib/python3.11/site-packages/torch/nn/module.py", line 7, in forward
    return go(x)
  File "/data/lab/model.py", line 3, in Block.go
    raise ValueError("no\\nmore")
lab.errors.BadValue: no
more
"""


def test_the_users_calls_come_first_the_innermost_on_top():
    trace = parse(LOG)

    assert trace is not None
    assert (trace.type, trace.message) == ("lab.errors.BadValue", "no\nmore")
    assert trace.users == [
        Frame("/data/lab/model.py", 3, "Block.go", 'raise ValueError("no\\nmore")'),
        Frame("/data/lab/tasks.py", 12, "execute", "model.fit(x)"),
    ]
    assert (trace.library_calls, trace.libraries) == (2, ["torch"])


def test_the_last_traceback_counts():
    trace = parse(LOG + LOG.replace("BadValue", "Worse"))

    assert trace is not None
    assert trace.type == "lab.errors.Worse"


def test_a_log_without_a_whole_traceback_has_none():
    assert parse("loading\ndone\n") is None
    assert parse("Traceback (most recent call last):\n") is None
    assert parse("\n".join(LOG.splitlines()[:4])) is None


def test_the_lines_around_a_call_are_shown_if_the_file_still_has_it():
    frame = Frame("/data/lab/model.py", 3, "go", "boom()")
    text = "def go():\n\tready()\n\tboom()\n\treturn\n"

    assert with_source(frame, lambda _: text)["source"] == [
        (1, "def go():"),
        (2, "    ready()"),
        (3, "    boom()"),
        (4, "    return"),
    ]


def test_of_a_file_that_changed_or_is_gone_only_the_line_is_shown():
    frame = Frame("/data/lab/model.py", 3, "go", "boom()")

    assert with_source(frame, lambda _: "# new\n" * 9)["source"] == [(3, "boom()")]
    assert with_source(frame, lambda _: None)["source"] == [(3, "boom()")]


def test_what_python_printed_has_the_exceptions_that_led_to_the_last():
    cause = LOG.replace("BadValue", "Cause").removeprefix("epoch 1\n")
    linked = "\nThe above exception was the direct cause of the following exception:\n\n"
    other = "\nDuring handling of the above exception, another exception occurred:\n\n"
    last = LOG.removeprefix("epoch 1\n")

    trace = parse(LOG + cause + linked + cause + other + last)

    assert trace is not None
    assert trace.type == "lab.errors.BadValue"
    assert trace.printed == (cause + linked + cause + other + last).rstrip()


GROUP = """epoch 1
  + Exception Group Traceback (most recent call last):
  |   File "/data/lab/tasks.py", line 12, in execute
  |     asyncio.run(fetch())
  |   File "/usr/lib/python3.11/asyncio/runners.py", line 190, in run
  |     return runner.run(main)
  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/data/lab/web.py", line 3, in one
    |     raise ValueError("no")
    | ValueError: no
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/data/lab/web.py", line 7, in two
    |     raise KeyError("b")
    | KeyError: 'b'
    +------------------------------------
"""


def test_of_several_exceptions_at_once_all_calls_are_told():
    trace = parse(LOG + GROUP)

    assert trace is not None
    assert trace.type == "ExceptionGroup"
    assert trace.message == "unhandled errors in a TaskGroup (2 sub-exceptions)"
    assert [(frame.line, frame.text) for frame in trace.users] == [
        (7, 'raise KeyError("b")'), (3, 'raise ValueError("no")'), (12, "asyncio.run(fetch())"),
    ]  # fmt: skip
    assert trace.printed == GROUP.removeprefix("epoch 1\n").rstrip()
    after = parse(GROUP + LOG)
    assert after is not None
    assert after.type == "lab.errors.BadValue"
