"""experimaestro-ir: documents are indexed by a task, searched by a second one, evaluated by a third."""

import json
from pathlib import Path

import pytest
from datamaestro_ir.data import Adhoc
from datamaestro_ir.data.csv import Topics
from datamaestro_ir.data.trec import TrecAdhocAssessments
from xpmir.evaluation import Evaluate
from xpmir.index.bow import BOWRetriever, BOWSparseRetrieverIndexBuilder
from xpmir.measures import nDCG
from xpmir.rankers.standard import BM25
from xpmir.test.utils.utils import SampleDocumentStore

from experimaestro import Param, Task, experiment, tag, tags


class Search(Task):
    """Prints the names of the best documents."""

    retriever: Param[BOWRetriever]
    query: Param[str]

    def execute(self) -> None:
        self.retriever.initialize()
        print(json.dumps([found.document["id"] for found in self.retriever.retrieve(self.query)]))


def test_documents_are_indexed_searched_and_evaluated_by_tasks(tmp_path: Path):
    (tmp_path / "topics.tsv").write_text("1\tDocument 7\n2\tDocument 9\n", encoding="utf-8")
    (tmp_path / "qrels.txt").write_text("1 0 7 1\n2 0 8 1\n", encoding="utf-8")
    documents = SampleDocumentStore.C(num_docs=20)
    data = Adhoc.C(
        id="small",
        documents=documents,
        topics=Topics.C(id="small.topics", path=tmp_path / "topics.tsv"),
        assessments=TrecAdhocAssessments.C(id="small.qrels", path=tmp_path / "qrels.txt"),
    )

    with experiment(tmp_path / "ws", "bm25", display=False):
        builder = BOWSparseRetrieverIndexBuilder.C(
            documents=documents, stemmer="snowball", language="english"
        )
        index = builder.submit()
        retriever = BOWRetriever.C(index=index, model=BM25.C(k1=tag(1.2), b=0.75), topk=5)
        search = Search.C(retriever=retriever, query="Document 7").submit()
        evaluation = Evaluate.C(dataset=data, retriever=retriever, measures=[nDCG @ 5])
        evaluation.submit()

    assert json.loads(search.stdout().read_text(encoding="utf-8"))[0] == "7"
    assert tags(evaluation) == {"k1": 1.2}
    measure, scope, value = evaluation.aggregated.read_text(encoding="utf-8").split()
    assert (measure, scope) == ("nDCG@5", "all")
    assert float(value) == pytest.approx(0.5, abs=0.01)
