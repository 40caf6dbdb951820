"""The classes of the study: which model recognises what, on the data sets of scikit-learn.

Read it as an example. Each task is a process in a folder of its own: it finds what it needs
through its parameters, and writes what others need to paths that are generated in that folder.
scikit-learn is imported where it is used, so that a task that does not need it starts at once.
"""

import csv
import json
from pathlib import Path
from typing import Any

from experimaestro import Config, Meta, Param, PathGenerator, Task, field, progress, tqdm


class Model(Config):
    """A way to classify; each parameter of a sub-class is one of the classifier's."""

    def classifier(self) -> Any:
        """Makes the scikit-learn classifier, not trained."""
        raise NotImplementedError


class Logistic(Model):
    """Logistic regression."""

    strength: Param[float]
    """Inverse of the strength of the regularisation"""

    def classifier(self) -> Any:
        """See `Model`."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.strength, max_iter=2000)


class Neighbours(Model):
    """Vote of the nearest neighbours."""

    count: Param[int]
    """How many vote"""

    def classifier(self) -> Any:
        """See `Model`."""
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=self.count)


class Tree(Model):
    """One decision tree."""

    depth: Param[int]
    """Longest chain of questions"""

    def classifier(self) -> Any:
        """See `Model`."""
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=self.depth, random_state=0)


class Forest(Model):
    """Vote of many random trees."""

    trees: Param[int]
    """How many"""

    def classifier(self) -> Any:
        """See `Model`."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(n_estimators=self.trees, random_state=0)


class VectorMachine(Model):
    """Support vectors with a radial kernel."""

    strength: Param[float]
    """Inverse of the strength of the regularisation"""

    def classifier(self) -> Any:
        """See `Model`."""
        from sklearn.svm import SVC

        return SVC(C=self.strength)


class Bayes(Model):
    """Naive Bayes with normal distributions: nothing to choose."""

    def classifier(self) -> Any:
        """See `Model`."""
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB()


class Prepare(Task):
    """Loads a data set, scales it and splits it."""

    dataset: Param[str]
    """Name of the data set: `digits`, `wine` or `breast_cancer`"""
    test_part: Param[float] = field(default=0.3)
    """Part of the samples that is kept for testing"""
    seed: Param[int] = field(default=0)
    """Decides which"""
    path: Meta[Path] = field(default_factory=PathGenerator("data.npz"))

    def execute(self) -> None:
        """Writes `train_x`, `train_y`, `test_x` and `test_y` to `path`."""
        import numpy as np
        from sklearn import datasets
        from sklearn.model_selection import train_test_split
        from sklearn.preprocessing import StandardScaler

        x, y = getattr(datasets, f"load_{self.dataset}")(return_X_y=True)
        train_x, test_x, train_y, test_y = train_test_split(
            x, y, test_size=self.test_part, random_state=self.seed, stratify=y
        )
        scaler = StandardScaler().fit(train_x)
        np.savez(
            self.path,
            train_x=scaler.transform(train_x),
            test_x=scaler.transform(test_x),
            train_y=train_y,
            test_y=test_y,
        )


class Train(Task):
    """Trains a model on a data set and predicts its test samples."""

    data: Param[Prepare]
    model: Param[Model]
    predictions: Meta[Path] = field(default_factory=PathGenerator("predictions.npy"))

    def execute(self) -> None:
        """Writes the predicted class of each test sample to `predictions`."""
        import numpy as np

        progress(0.0, desc="loading")
        with np.load(self.data.path) as data:
            progress(0.2, desc="training")
            classifier = self.model.classifier().fit(data["train_x"], data["train_y"])
            progress(0.9, desc="predicting")
            np.save(self.predictions, classifier.predict(data["test_x"]))


class Evaluate(Task):
    """Compares predictions with the truth."""

    trained: Param[Train]
    scores: Meta[Path] = field(default_factory=PathGenerator("scores.json"))

    def execute(self) -> None:
        """Writes accuracy and macro-averaged F1, both from 0 to 1, to `scores`."""
        import numpy as np

        with np.load(self.trained.data.path) as data:
            truth = data["test_y"]
        predicted = np.load(self.trained.predictions)
        f1 = []
        for label in np.unique(truth):
            hits = np.sum((predicted == label) & (truth == label))
            f1.append(2 * hits / (np.sum(predicted == label) + np.sum(truth == label)))
        scores = {
            "dataset": self.trained.data.dataset,
            "model": _label(self.trained.model),
            "accuracy": float(np.mean(predicted == truth)),
            "f1": float(np.mean(f1)),
        }
        self.scores.write_text(json.dumps(scores), encoding="utf-8")


class Summary(Task):
    """Puts all scores into one table and one figure."""

    evaluations: Param[list[Evaluate]]
    table: Meta[Path] = field(default_factory=PathGenerator("scores.csv"))
    figure: Meta[Path] = field(default_factory=PathGenerator("accuracy.png"))

    def execute(self) -> None:
        """Writes `table` (CSV) and `figure` (PNG)."""
        rows = [
            json.loads(evaluation.scores.read_text(encoding="utf-8"))
            for evaluation in tqdm(self.evaluations, desc="reading scores")
        ]
        with self.table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=["dataset", "model", "accuracy", "f1"])
            writer.writeheader()
            writer.writerows(sorted(rows, key=lambda row: (row["dataset"], -row["accuracy"])))
        self._draw(rows)

    def _draw(self, rows: list[dict[str, Any]]) -> None:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt

        names = sorted({row["dataset"] for row in rows})
        models = sorted({row["model"] for row in rows}, key=lambda m: -_mean(rows, m))
        figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
        width = 0.8 / len(names)
        for i, name in enumerate(names):
            found = {row["model"]: row["accuracy"] for row in rows if row["dataset"] == name}
            places = [j + (i - (len(names) - 1) / 2) * width for j in range(len(models))]
            axes.bar(places, [100 * found[model] for model in models], width, label=name.replace("_", " "))
        axes.set_xticks(range(len(models)), models, rotation=20, ha="right")
        axes.set_ylabel("test accuracy (%)")
        axes.set_ylim(min(100 * row["accuracy"] for row in rows) - 5, 100)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=len(names), frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(self.figure, dpi=120)


def _label(model: Model) -> str:
    """A model as shown in the table: `forest, trees=50`."""
    values = [f"{name}={getattr(model, name):g}" for name in type(model).__annotations__]
    return ", ".join([type(model).__name__.lower(), *values])


def _mean(rows: list[dict[str, Any]], model: str) -> float:
    accuracies: list[float] = [row["accuracy"] for row in rows if row["model"] == model]
    return sum(accuracies) / len(accuracies)
