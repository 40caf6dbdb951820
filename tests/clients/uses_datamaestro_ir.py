"""datamaestro-ir: topics and assessments in the formats of TREC are read by a task."""

import json
from pathlib import Path

from datamaestro_ir.data.csv import Topics
from datamaestro_ir.data.trec import TrecAdhocAssessments

from experimaestro import Param, Task, experiment


class Join(Task):
    """Counts the documents that are relevant to each topic."""

    topics: Param[Topics]
    assessments: Param[TrecAdhocAssessments]

    def execute(self) -> None:
        texts = {topic["id"]: topic["text_item"].text for topic in self.topics.iter()}
        found = {
            texts[assessed.topic_id]: sum(one.rel > 0 for one in assessed.assessments)
            for assessed in self.assessments.iter()
        }
        print(json.dumps(found))


def test_topics_and_assessments_are_read_by_a_task(tmp_path: Path):
    (tmp_path / "topics.tsv").write_text("1\tcats\n2\tdogs\n", encoding="utf-8")
    (tmp_path / "qrels.txt").write_text("1 0 a 1\n1 0 b 0\n2 0 c 2\n2 0 a 1\n", encoding="utf-8")
    topics = Topics.C(id="small.topics", path=tmp_path / "topics.tsv")
    assessments = TrecAdhocAssessments.C(id="small.qrels", path=tmp_path / "qrels.txt")

    with experiment(tmp_path / "ws", "small", display=False):
        task = Join.C(topics=topics, assessments=assessments).submit()

    assert json.loads(task.stdout().read_text(encoding="utf-8")) == {"cats": 1, "dogs": 2}
