"""The files and options of an experiment as one document."""

import os
from pathlib import Path
from threading import Thread

from experimaestro.documents.nodes import plain
from experimaestro.experiments import document


def test_a_document_may_come_out_of_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=("lr: 1\n",), kwargs={"encoding": "utf-8"}, daemon=True)
    writer.start()

    assert plain(document.load(pipe).root) == {"lr": 1}
