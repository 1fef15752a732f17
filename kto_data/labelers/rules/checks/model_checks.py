"""What a model on this machine says of a text: classifier, moderation, perplexity, similar."""

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from kto_data.errors import UnavailableError, did_you_mean
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.local_models import Loaded, labels_of, load, resolve_model

if TYPE_CHECKING:
    from kto_data.config.yaml_file import KeyPath
    from kto_data.labelers.rules.sources import Sources

_HARMLESS = re.compile(
    r"(?i)(?:ok|okay|safe|neutral|normal|none|benign|clean|harmless|non|not|no)(?:[-_ ].*)?|non?[a-z]*toxic|nothate"
)


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Words = Annotated[
    tuple[Word, ...],
    BeforeValidator(_several),
    Field(min_length=1),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]


class _ModelCheck(Check):
    fixed: ClassVar[frozenset[str]] = frozenset({"model", "device", "max_tokens", "folder", "fingerprint"})
    kind: ClassVar[str]

    model: Word
    """The folder that the model is in, relative to the rule file; or its hub id (`owner/model`), to have it
    downloaded."""
    max_tokens: int = Field(default=512, ge=2)
    """The tokens of a text that are looked at; what is beyond is left out."""
    device: str = "cpu"
    """Where it runs: `cpu`, `cuda`. Another device rounds differently, so a vote near the limit may differ."""
    folder: SkipJsonSchema[str] = Field(default="", exclude=True)
    """Set when the file is read: where the model is."""
    fingerprint: SkipJsonSchema[str] = ""
    """Set when the file is read: what tells the model from another in the same folder."""

    @classmethod
    def resolve(cls, options: Mapping[str, Any], sources: "Sources", path: "KeyPath") -> Mapping[str, Any]:
        """Return the options with where the model is."""
        return resolve_model(options, sources, path)

    def _load(self) -> Loaded:
        return load(self.kind, self.model, self.folder, self.device)

    def _tokens(self, loaded: Loaded, text: str) -> Any:
        limit = min(
            self.max_tokens,
            int(getattr(loaded.model.config, "max_position_embeddings", 0) or self.max_tokens),
        )
        tokens = loaded.tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
        return tokens.to(loaded.model.device)


class _Classifying(_ModelCheck):
    kind: ClassVar[str] = "AutoModelForSequenceClassification"

    threshold: float = Field(default=0.5, ge=0, le=1)
    """The probability from which it holds."""

    def _probabilities(self, text: str) -> dict[str, float]:
        """Return the probability of each label, of one text alone, so that no other text changes it."""
        import torch

        loaded = self._load()
        with torch.inference_mode():
            logits = loaded.model(**self._tokens(loaded, text)).logits[0].float()
        config = loaded.model.config
        apart = config.problem_type == "multi_label_classification" or len(logits) == 1
        shares = torch.sigmoid(logits) if apart else torch.softmax(logits, dim=-1)
        return {str(config.id2label[n]): float(share) for n, share in enumerate(shares)}


@CHECKS.register("classifier")
class Classifier(_Classifying):
    """A text classifier gives a label: `classifier: {model: ./models/tone, label: rude, threshold: 0.8}`.

    The model is one for sequence classification, on this machine. Needs the extra `train`.
    """

    label: Word
    """The label, as the model calls it."""

    @classmethod
    def resolve(cls, options: Mapping[str, Any], sources: "Sources", path: "KeyPath") -> Mapping[str, Any]:
        """Return the options with where the model is, whose labels are known before any work."""
        resolved = resolve_model(options, sources, path)
        labels = labels_of(resolved["folder"]) if resolved.get("folder") else None
        label = resolved.get("label")
        if labels is not None and isinstance(label, str) and label not in labels:
            raise sources.mistake(
                (*path, "label"), f"the model has no label {label!r}{did_you_mean(label, labels)}"
            )
        return resolved

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the label's probability reaches the threshold."""
        probabilities = self._probabilities(text)
        if self.label not in probabilities:
            known = did_you_mean(self.label, probabilities)
            raise UnavailableError(f"the model {self.model} has no label {self.label!r}{known}")
        p_label = probabilities[self.label]
        return Found(p_label >= self.threshold, f"{self.label} {p_label:.3f}")


@CHECKS.register("moderation")
class Moderation(_Classifying):
    """A moderation model flags the text: `moderation: {model: ./models/toxicity, threshold: 0.7}`.

    It holds where any of `labels` reaches the threshold; by default any that is not plainly harmless (`safe`,
    `neutral`, `not_toxic`, ...). promptfoo's `moderation` passes what is not flagged; in its `assert` lists it does so
    here, too. Needs the extra `train`.
    """

    labels: Words | None = None
    """The labels that count."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if a label that counts is likely enough."""
        probabilities = self._probabilities(text)
        if self.labels is not None and not set(self.labels) <= set(probabilities):
            missing = ", ".join(sorted(set(self.labels) - set(probabilities)))
            known = ", ".join(probabilities)
            raise UnavailableError(f"the model {self.model} has no label {missing}; known: {known}")
        counted = self.labels or [label for label in probabilities if not _HARMLESS.fullmatch(label)]
        flagged = {label: probabilities[label] for label in counted if probabilities[label] >= self.threshold}
        return Found(bool(flagged), ", ".join(f"{label} {p:.3f}" for label, p in flagged.items()))


@CHECKS.register("perplexity")
class Perplexity(_ModelCheck):
    """A language model finds the text as likely as said: `perplexity: {model: ./models/lm, max: 200}`.

    The perplexity is exp of the mean negative log-likelihood of the text's tokens after the first (after the
    model's start token, if its tokenizer puts one). High for gibberish, low for loops and for text known by heart.
    A text of fewer than two tokens has none: not applicable. promptfoo reads it from the log-probabilities that a
    provider returns; here a model on this machine reads the text. Needs the extra `train`.
    """

    kind: ClassVar[str] = "AutoModelForCausalLM"

    min: float | None = Field(default=None, ge=1)
    """At least this."""
    max: float | None = Field(default=None, ge=1)
    """At most this."""

    @model_validator(mode="after")
    def _something(self) -> "Perplexity":
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the perplexity is within the bounds."""
        import torch

        loaded = self._load()
        ids = self._tokens(loaded, text)["input_ids"]
        if ids.shape[1] < 2:
            return Found(None, "too short")
        with torch.inference_mode():
            logits = loaded.model(input_ids=ids).logits[0, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="mean")
        perplexity = math.exp(min(float(losses), 700.0))
        holds = (self.min is None or perplexity >= self.min) and (self.max is None or perplexity <= self.max)
        return Found(holds, f"perplexity {perplexity:.1f}")


@CHECKS.register("similar")
class Similar(_ModelCheck):
    """The text means nearly the same: `similar: {value: "{{meta.reference}}", model: ./models/minilm, threshold: 0.8}`.

    The cosine of two embeddings: the mean of a model's last states over a text's tokens, or the first token's where
    the model's folder says so (`1_Pooling/config.json`, of sentence-transformers). With several values, the
    nearest counts. Needs the extra `train`.
    """

    kind: ClassVar[str] = "AutoModel"

    value: Words
    """The text to compare with, or several."""
    threshold: float = Field(default=0.75, ge=-1, le=1)
    """The similarity from which it holds."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text is near enough to one of the values."""
        here = self._embedding(text)
        best = max(sum(a * b for a, b in zip(here, self._embedding(one), strict=True)) for one in self.value)
        return Found(best >= self.threshold, f"similarity {best:.3f}")

    def _embedding(self, text: str) -> list[float]:
        """Return the unit vector of a text."""
        import torch

        loaded = self._load()
        tokens = self._tokens(loaded, text)
        with torch.inference_mode():
            states = loaded.model(**tokens).last_hidden_state[0].float()
        weights = tokens["attention_mask"][0].unsqueeze(-1).float()
        pooled = states[0] if _pools_first(loaded) else (states * weights).sum(0) / weights.sum().clamp(min=1)
        vector: list[float] = torch.nn.functional.normalize(pooled, dim=0).double().tolist()
        return vector


def _pools_first(loaded: Loaded) -> bool:
    path = loaded.folder and loaded.folder / "1_Pooling" / "config.json"
    if not path or not path.is_file():
        return False
    return bool(json.loads(path.read_text(encoding="utf-8")).get("pooling_mode_cls_token"))
