from random import Random

import pytest

from kto_data.demo import people


def test_users_have_distinct_ids_and_a_few_are_grumpy():
    users = people.make_users(Random(0), n_users=10, n_grumpy=2)
    assert [user.id for user in users] == [f"u-{i:03d}" for i in range(1, 11)]
    assert sum(user.grumpy for user in users) == 2


@pytest.mark.parametrize(("desirable", "expected"), [(True, 0.86), (False, 0.14)])
def test_a_fair_user_is_mostly_right(desirable, expected):
    rng, user = Random(0), people.User("u-001")
    thumbs = [people.give_thumb(rng, user, desirable=desirable) for _ in range(3000)]
    assert thumbs.count("up") / 3000 == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("desirable", [True, False])
def test_a_grumpy_user_gives_thumbs_down_whatever_the_answer(desirable):
    rng, user = Random(0), people.User("u-001", grumpy=True)
    thumbs = [people.give_thumb(rng, user, desirable=desirable) for _ in range(3000)]
    assert thumbs.count("down") / 3000 == pytest.approx(0.92, abs=0.03)


def test_the_opposite_of_a_thumb_is_the_other_one():
    assert (people.opposite("up"), people.opposite("down")) == ("down", "up")


def test_what_users_say_next_mostly_suits_the_answer(entries):
    thanks = ("Thanks", "Great", "Perfect", "Good")
    said = [entry for entry in entries if "next_turn" in entry.record]
    n_apt = sum(entry.record["next_turn"].startswith(thanks) == entry.desirable for entry in said)
    assert 0.08 < len(said) / len(entries) < 0.16
    assert 0.7 < n_apt / len(said) < 0.9
