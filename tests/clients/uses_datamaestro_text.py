"""datamaestro-text: word embeddings in a text file are read, here and by a task."""

import json
from pathlib import Path

import pytest
from datamaestro_text.data.embeddings import WordEmbeddingsText

from experimaestro import Param, Task, experiment


class Nearest(Task):
    """Names the word next to another one."""

    embeddings: Param[WordEmbeddingsText]
    word: Param[str]

    def execute(self) -> None:
        words, vectors = self.embeddings.load()
        scores = vectors @ vectors[words.index(self.word)].T
        order = sorted(range(len(words)), key=lambda row: -scores[row, 0])
        print(json.dumps(words[order[1]]))


@pytest.fixture
def embeddings(tmp_path: Path) -> WordEmbeddingsText:
    """Three words."""
    file = tmp_path / "words.txt"
    file.write_text("cat 1 0.1\ndog 0.9 0.2\ncar 0 1\n", encoding="utf-8")
    return WordEmbeddingsText.C(id="words.three", path=file)


def test_a_text_data_set_is_read(embeddings: WordEmbeddingsText):
    words, vectors = embeddings.instance().load()
    assert words == ["cat", "dog", "car"]
    assert vectors.tolist() == [[1, 0.1], [0.9, 0.2], [0, 1]]


def test_a_text_data_set_is_read_by_a_task(embeddings: WordEmbeddingsText, tmp_path: Path):
    with experiment(tmp_path / "ws", "words", display=False):
        task = Nearest.C(embeddings=embeddings, word="cat").submit()
    assert json.loads(task.stdout().read_text(encoding="utf-8")) == "dog"
