"""The tree of parameters, from what a job's process was given."""

from typing import Any

from experimaestro.monitor.parameters import tree

OBJECTS = [
    {"id": 0, "type": "Adam", "fields": {"lr": 0.1}},
    {
        "id": 1,
        "type": "Train",
        "fields": {
            "seed": 1,
            "optim": {"type": "python", "value": 0},
            "layers": [1, 2],
            "all": [{"type": "python", "value": 0}],
            "names": {"type": "set", "items": ["a"]},
            "pair": {"type": "tuple", "items": [1, "a"]},
            "by": {"type": "dict", "items": [[1, "one"]]},
            "out": {"type": "path", "value": "model.pt", "base": "job"},
            "mode": {"type": "enum", "module": "lab", "enum": "Mode", "value": "FAST"},
        },
    },
]


def test_a_task_has_what_it_has_and_what_that_has():
    adam = [{"key": "lr", "value": "0.1"}]

    assert tree(OBJECTS, {"seed": "1"}) == [
        {"key": "seed", "value": "1", "kind": "tag"},
        {"key": "optim", "type": "Adam", "kids": adam},
        {"key": "layers", "value": "[1, 2]"},
        {"key": "all", "type": "1 item", "kids": [{"key": "0", "type": "Adam", "kids": adam}]},
        {"key": "names", "value": "[a]"},
        {"key": "pair", "value": "[1, a]"},
        {"key": "by", "type": "1 item", "kids": [{"key": "1", "value": "one"}]},
        {"key": "out", "value": "model.pt", "kind": "path"},
        {"key": "mode", "value": "FAST"},
    ]


def test_what_has_no_object_has_no_tree():
    assert tree([], {}) == []
    assert tree([{"id": 0, "type": "Empty"}], {}) == []


def test_a_task_that_uses_one_object_often_stays_small():
    objects: list[dict[str, Any]] = [{"id": 0, "type": "Leaf", "fields": {"x": 1}}]
    for i in range(1, 25):
        below = {"type": "python", "value": i - 1}
        objects.append({"id": i, "type": "Node", "fields": {"a": below, "b": below}})

    def count(nodes: object) -> int:
        assert isinstance(nodes, list)
        return sum(1 + count(node.get("kids", [])) for node in nodes)

    assert count(tree(objects, {})) < 10_000
