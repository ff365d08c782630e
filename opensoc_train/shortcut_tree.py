"""Counts and labels become a decision tree of scikit-learn.

It is imported by name when it is needed, so that everything else works without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAST = 5
"""Examples that a leaf holds, so that it learns no single alert by heart."""


class Classifier(Protocol):
    """What is used of scikit-learn's estimators."""

    def predict(self, rows: Sequence[Mapping[str, int]]) -> Sequence[str]:
        """A label for each row."""


def fit_tree(rows: Sequence[Mapping[str, int]], labels: Sequence[str]) -> Classifier:
    """A tree that tells labels by counts, the same one each time.

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        extraction = import_module("sklearn.feature_extraction")
        pipeline = import_module("sklearn.pipeline")
        trees = import_module("sklearn.tree")
    except ModuleNotFoundError:
        raise InputError(
            "the decision tree needs scikit-learn; install the extra `opensoc[train]`"
        ) from None
    tree = trees.DecisionTreeClassifier(
        min_samples_leaf=LEAST, class_weight="balanced", random_state=0
    )
    model: Any = pipeline.make_pipeline(extraction.DictVectorizer(), tree)
    fitted: Classifier = model.fit(rows, labels)
    return fitted
