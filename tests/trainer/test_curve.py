"""Our step beside TRL's KTOTrainer, on the same batches and mismatched pairs."""

import warnings

import pytest
import torch
from kto_trainer.encoding import Tokens
from kto_trainer.objective import Objective
from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TinyOptions, TrainOptions
from kto_trainer.ranks import Ranks
from kto_trainer.reference_cache import reference_logps
from kto_trainer.sequences import Listed
from kto_trainer.step import Batch, accumulate

pytestmark = pytest.mark.slow
N_STEPS, B = 20, 8


@pytest.fixture
def start(tmp_path, make):
    """A float32 model, its tokenizer and 160 rows."""
    from kto_trainer.dataset import read_split
    from kto_trainer.tiny import build_model, build_tokenizer

    split = read_split(make.dataset(tmp_path / "data", make.polite_rows(N_STEPS * B)), "train")
    size = TinyOptions(vocab_size=400, hidden_size=32, intermediate_size=64)
    tokenizer = build_tokenizer(split.texts(), size.vocab_size)
    return build_model(size, tokenizer, torch.Generator().manual_seed(1)).eval(), tokenizer, split


def train_with_trl(model, tokenizer, split, folder):
    """TRL's log of each step, and its tokens and pairs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from datasets import Dataset
        from trl import KTOConfig, KTOTrainer

        arguments = KTOConfig(
            output_dir=str(folder), per_device_train_batch_size=B, max_steps=N_STEPS, learning_rate=1e-3,
            lr_scheduler_type="constant", warmup_steps=0, use_cpu=True, bf16=False, logging_steps=1, report_to="none",
            save_strategy="no", disable_tqdm=True, gradient_checkpointing=False, desirable_weight=1.3,
        )  # fmt: skip
        records = [
            {
                "prompt": row.prompt[0]["content"],
                "completion": row.completion[0]["content"],
                "label": bool(split.labels_N[row.number]),
            }
            for row in sorted(split.texts())
        ]
        model.save_pretrained(folder / "start")  # TRL loads its reference from where the model came from
        trainer = KTOTrainer(
            model=str(folder / "start"),
            args=arguments,
            train_dataset=Dataset.from_list(records),
            processing_class=tokenizer,
        )
        trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry], list(trainer.train_dataset)


def test_twenty_steps_follow_trls_curve(start, tmp_path, forward_of):
    model, tokenizer, split = start
    curve, records = train_with_trl(model, tokenizer, split, tmp_path / "trl")
    own = [Tokens(record["prompt_ids"], record["completion_ids"]) for record in records]
    pairs = [Tokens(record["prompt_ids"], record["KL_completion_ids"]) for record in records]
    labels = torch.tensor([bool(record["label"]) for record in records])
    forward = forward_of(model, tokens=300)
    logps = reference_logps(forward, Listed([*own, *pairs]), False, None, Ranks())
    options = TrainOptions(learning_rate=1e-3, lr_scheduler_type="constant", warmup_ratio=0)
    optimizer = Optimizer(model, options, learning_rate=1e-3, n_steps=N_STEPS)
    assert len(curve) == N_STEPS
    for number, expected in enumerate(curve):
        at = range(number * B, (number + 1) * B)
        references = logps.pick(at), logps.pick([len(own) + i for i in at])
        batch = Batch(
            [own[i] for i in at], [pairs[i] for i in at], labels[list(at)], torch.ones(B), *references
        )
        result = accumulate(forward, batch, Objective(desirable_weight=1.3))
        norm, _ = optimizer.step()
        assert result.loss.item() == pytest.approx(expected["loss"], abs=1e-4)
        assert result.z0.item() == pytest.approx(expected["kl"], abs=5e-4)
        assert norm.item() == pytest.approx(expected["grad_norm"], rel=1e-3)
        for name, chosen in (("chosen", batch.labels_B), ("rejected", ~batch.labels_B)):
            reward = result.rewards_B[chosen].mean().item()
            assert reward == pytest.approx(expected[f"rewards/{name}"], abs=5e-4)
    assert abs(expected["rewards/margins"]) > 0.05  # it has learnt something, so the steps were real
