"""The table of a run from what is known of its jobs: names and types of columns."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experimaestro.events.model import Tag
from experimaestro.events.state import Job
from experimaestro.events.states import JobState
from experimaestro.monitor.dataframe import Row, dataframe, records
from experimaestro.workspace.layout import JobPaths


def rows(
    tmp_path: Path, jobs: list[tuple[Mapping[str, Tag], Mapping[str, Any], object]], **more: Any
) -> list[Row]:
    """The rows of jobs with these tags, parameters and results."""
    known, objects = [], []
    for number, (tags, fields, results) in enumerate(jobs):
        key = f"lab.train/{number:064}"
        folder = JobPaths.of(str(tmp_path), key)
        Path(folder.results).parent.mkdir(parents=True)
        Path(folder.results).write_text(json.dumps(results), encoding="utf-8")
        known.append(
            Job(
                key=key, task="lab.Train", tags=dict(tags), deps=(), launcher="direct", submitted=0.0,
                state=JobState.DONE, **more,
            )
        )  # fmt: skip
        objects.append({"id": number, "identifier": f"{number:064}", "fields": fields})
    return records(known, objects, lambda key: JobPaths.of(str(tmp_path), key))


def test_nothing_of_a_user_takes_the_place_of_what_is_known_of_a_job(tmp_path: Path):
    tags: dict[str, Tag] = {"task": 5, "state": "tagged"}

    [row] = rows(tmp_path, [(tags, {"job": "mine", "duration": 3, "lr": 0.5}, {"folder": "x"})])

    assert (row["job"], row["task"], row["state"], row["duration"]) == ("0" * 64, "Train", "done", None)
    assert (row["tag.task"], row["tag.state"]) == (5, "tagged")
    assert (row["param.job"], row["param.duration"], row["lr"]) == ("mine", 3, 0.5)
    assert row["result.folder"] == "x"


def test_a_column_holds_one_kind_of_values_in_all_rows(tmp_path: Path):
    first, second = rows(tmp_path, [({}, {"lr": 0.5}, {"loss": 1}), ({"lr": 1}, {"lr": 2}, {"lr": 0.25})])

    assert (first["param.lr"], "lr" in first) == (0.5, False)
    assert (second["lr"], second["param.lr"], second["result.lr"]) == (1, 2, 0.25)


def test_parameters_come_before_the_state_and_results_after_it(tmp_path: Path):
    table = dataframe(rows(tmp_path, [({}, {"a": 1}, {"x": 1}), ({"t": 1}, {"b": 1}, {"y": 1})]))

    assert list(table) == [
        "job", "task", "a", "t", "b", "state", "failure", "started", "ended", "duration",
        "peak_memory", "folder", "x", "y",
    ]  # fmt: skip


def test_a_dictionary_is_shown_as_it_was_given(tmp_path: Path):
    items = {"type": "dict", "items": [["type", "adam"], ["eps", 1e-8]]}

    [row] = rows(tmp_path, [({}, {"options": items, "sizes": {"type": "dict", "items": [[1, [2]]]}}, None)])

    assert row["options"] == {"type": "adam", "eps": 1e-8}
    assert row["sizes.1"] == [2]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.0, 2.0], "Float64"),
        ([1, 0.5], "Float64"),
        ([1, None], "Int64"),
        ([1, 2**70], "object"),
        ([True, None], "boolean"),
        ([float("nan"), 1], "Float64"),
        (["a", None], "string"),
        (["a", 1], "object"),
        ([[1], None], "object"),
        ([True, 1], "object"),
    ],
)
def test_a_column_has_the_type_of_its_values(tmp_path: Path, values: list[object], kind: str):
    table = dataframe(rows(tmp_path, [({}, {}, {"x": x} if x is not None else {}) for x in values]))

    assert table["x"].dtype == kind


@pytest.mark.parametrize("jobs", [0, 1])
def test_what_every_table_has_is_of_one_type_also_if_it_is_empty(tmp_path: Path, jobs: int):
    types = dataframe(rows(tmp_path, [({}, {}, None)] * jobs)).dtypes

    assert [str(types[name]) for name in ("job", "state", "failure", "duration")] == [
        *["string"] * 3,
        "Float64",
    ]
    assert pd.api.types.is_datetime64_any_dtype(types["ended"])


def test_times_of_summer_and_winter_are_one_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    july, december = 1_783_000_000.0, 1_797_000_000.0
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        [row] = rows(tmp_path, [({}, {}, None)], where="here", started=july, ended=december)
        table = dataframe([row, {**row, "started": row["ended"]}])
    finally:
        monkeypatch.undo()
        time.tzset()

    assert pd.api.types.is_datetime64_any_dtype(table["started"])
    assert list((table["ended"] - table["started"]).dt.total_seconds()) == [december - july, 0.0]
