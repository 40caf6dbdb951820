"""Plans the study and runs it: 52 jobs, each once. A second run finds them all done."""

import argparse
import os
import shutil
import sys

from experimaestro import FailedExperiment, experiment, stop_tags, tag
from experimaestro.demo.study import (
    Bayes,
    Evaluate,
    Forest,
    Logistic,
    Model,
    Neighbours,
    Prepare,
    Summary,
    Train,
    Tree,
    VectorMachine,
)
from experimaestro.exceptions import ExperimaestroError

DATASETS = ("digits", "wine", "breast_cancer")


def models(broken: bool) -> dict[str, Model]:
    """The grid of models, by the name that tags their jobs.

    Args:
        broken: Whether one of them asks for something impossible.
    """
    return {
        "logistic": Logistic.C(strength=1.0),
        "logistic-strong": Logistic.C(strength=0.01),
        "neighbours": Neighbours.C(count=-1 if broken else 5),
        "tree": Tree.C(depth=6),
        "forest": Forest.C(trees=100),
        "svm": VectorMachine.C(strength=1.0),
        "svm-strong": VectorMachine.C(strength=0.1),
        "bayes": Bayes.C(),
    }


def main() -> int:
    """Runs the study; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m experimaestro.demo", description=__doc__)
    parser.add_argument("--workdir", default="runs", help="folder of the workspace (default: runs)")
    parser.add_argument(
        "--break", dest="broken", action="store_true", default=bool(os.environ.get("BREAK")),
        help="make one model fail, to see what a failure looks like (or BREAK=1)",
    )  # fmt: skip
    arguments = parser.parse_args()
    try:
        with experiment(arguments.workdir, "demo") as xp:
            evaluations = []
            for dataset in DATASETS:
                data = Prepare.C(dataset=tag(dataset)).submit()
                for name, model in models(arguments.broken).items():
                    trained = Train.C(data=data, model=model).tag("model", name).submit()
                    evaluations.append(Evaluate.C(trained=trained).submit())
            summary = Summary.C(evaluations=stop_tags(evaluations)).submit()
            xp.wait()
            results = xp.resultspath
            results.mkdir(exist_ok=True)
            for file in ("scores.csv", "accuracy.png"):
                shutil.copy(summary.jobpath / file, results / file)
    except FailedExperiment as error:
        sys.stderr.write(f"\n{error.heading or error}\n")  # the terminal has shown each failure
        return error.exit_code
    except ExperimaestroError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return error.exit_code
    sys.stderr.write(f"Table and figure: {results}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
