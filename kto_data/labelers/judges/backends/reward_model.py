"""A reward model on this machine: a sequence classifier that scores a conversation."""

from collections.abc import Sequence
from typing import ClassVar

from kto_data.errors import UnavailableError
from kto_data.labelers.judges.backends.backend import BACKENDS
from kto_data.labelers.judges.backends.local_chat import LocalModel, batch_of
from kto_data.labelers.judges.question import Answer, Question


@BACKENDS.register("reward_model")
class RewardModel(LocalModel):
    """Scores the prompt with its completion; the judge file's `threshold` says what a score means."""

    gives_text: ClassVar[bool] = False
    gives_score: ClassVar[bool] = True

    label: str | None = None
    """Of a classifier with several labels, the one whose probability is the score; without it, the only logit is."""

    def answer(self, model: str, questions: Sequence[Question]) -> list[Answer]:
        """Return a score for each conversation.

        Raises:
            UnavailableError: The model has several labels, and which one is meant is not said.
        """
        import torch

        loaded = self.loaded("AutoModelForSequenceClassification", model)
        names = {str(name): int(number) for number, name in loaded.model.config.id2label.items()}
        if (self.label is None and len(names) > 1) or (self.label is not None and self.label not in names):
            raise UnavailableError(
                f"{model}: `label` has to name one of the labels {', '.join(sorted(names))}"
            )
        batch = batch_of(loaded, questions, answer_follows=False)
        if loaded.model.config.pad_token_id is None:
            loaded.model.config.pad_token_id = loaded.tokenizer.pad_token_id
        with torch.inference_mode():
            logits_BL = loaded.model(**batch).logits.float()
        scores_B = (
            logits_BL[:, 0] if self.label is None else torch.softmax(logits_BL, -1)[:, names[self.label]]
        )
        n_tokens = batch["attention_mask"].sum(dim=1).tolist()
        return [
            Answer(score=float(score), tokens_in=int(n), tokens_out=0)
            for score, n in zip(scores_B.tolist(), n_tokens, strict=True)
        ]
