"""Clusters of prompts by their words, named by the words that set them apart."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

_PROMPTS_PER_CLUSTER = 50
_MOST_CLUSTERS = 8
_MAX_CHARS = 2000
_NAME_WORDS = 3
ALL = "all"
"""The one cluster of data with few prompts, or without words."""


@dataclass(frozen=True, slots=True)
class PromptClusters:
    """k-means over TF-IDF of words and word pairs, with k = prompts / 50, at most 8.

    They show where one label is at home; they are no judgement of what a prompt is about.
    """

    MOST_PROMPTS: ClassVar[int] = 10_000
    """Prompts that clusters are made of; further ones are assigned to them."""

    vectorizer: Any
    centers: Any
    names: tuple[str, ...]

    @classmethod
    def of(cls, prompts: list[str], *, seed: int) -> "PromptClusters":
        """Return the clusters of prompts."""
        n_clusters = min(_MOST_CLUSTERS, len(prompts) // _PROMPTS_PER_CLUSTER)
        if n_clusters < 2:
            return cls(None, None, (ALL,))
        # imported here, because it takes a second
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.feature_extraction.text import TfidfVectorizer
        from threadpoolctl import threadpool_limits

        vectorizer = TfidfVectorizer(
            max_features=4096, min_df=2, max_df=0.5, stop_words="english", sublinear_tf=True
        )
        try:
            vectors = vectorizer.fit_transform([prompt[:_MAX_CHARS] for prompt in prompts])
        except ValueError:  # no word is left: numbers, emoji, one prompt many times
            return cls(None, None, (ALL,))
        with (
            warnings.catch_warnings(),
            threadpool_limits(1),
        ):  # one thread adds in one order, the same every time
            warnings.simplefilter(
                "ignore", ConvergenceWarning
            )  # fewer distinct prompts than clusters are fine
            found = KMeans(n_clusters, random_state=seed % 2**32, n_init=2, max_iter=50).fit(vectors)
        words = vectorizer.get_feature_names_out()
        names = tuple(
            " ".join(words[index] for index in (-center).argsort(kind="stable")[:_NAME_WORDS])
            for center in found.cluster_centers_
        )
        return cls(vectorizer, found.cluster_centers_, names)

    def names_of(self, prompts: list[str]) -> list[str]:
        """Return the cluster of each prompt."""
        if self.vectorizer is None:
            return [ALL] * len(prompts)
        vectors = self.vectorizer.transform([prompt[:_MAX_CHARS] for prompt in prompts])
        # the nearest center of |x - c|^2 = |x|^2 - 2 x c + |c|^2, of which the first is the same for all
        distances = (self.centers**2).sum(axis=1) - 2 * (vectors @ self.centers.T)
        return [self.names[index] for index in distances.argmin(axis=1)]
