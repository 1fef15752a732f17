from kto_trainer.watch import Watch


def told(entries, *, has_pairs=True):
    said = []
    watch = Watch(said.append, 5e-4, has_pairs=has_pairs)
    for number, (kl, chosen, rejected) in enumerate(entries, 1):
        watch.step(
            {"stage": "kto", "step": number, "steps": 60, "kl": kl, "rewards/chosen": chosen, "rewards/rejected": rejected}
        )  # fmt: skip
    return said


def test_a_reference_point_that_stays_at_zero_is_told_once():
    said = told([(0.0, 0.1, -0.1)] * 60)
    assert len(said) == 1
    assert said[0].startswith("warning: z0 has stayed at 0 for 30 steps")
    assert not told([(0.0, 0.1, -0.1)] * 60, has_pairs=False)
    assert not told([(0.2 * (step % 5 == 0), 0.1, -0.1) for step in range(60)])


def test_rewards_that_fall_together_name_the_learning_rate():
    said = told([(0.1, -0.02 * step, -0.05 * step) for step in range(60)])
    assert len(said) == 1
    assert "fall together (step 20)" in said[0]
    assert "0.0005 is the peak now" in said[0]


def test_rewards_that_part_are_not_warned_of():
    assert not told([(0.1, 0.02 * step, -0.05 * step) for step in range(60)])
    assert not told([(0.1, None, -0.05 * step) for step in range(60)])
    assert not told([(0.1, 3 - 0.02 * step, 2 - 0.05 * step) for step in range(30)])  # both still above 0


def test_the_first_stage_is_passed_over():
    Watch(print, 1.0, has_pairs=True).step({"stage": "sft", "step": 1, "steps": 1})
