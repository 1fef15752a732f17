"""Several verdicts on one question as one."""

from collections.abc import Sequence

from kto_data.labelers.judges.output import Threshold
from kto_data.labelers.judges.verdict import Verdict
from kto_data.schema import ABSTAIN, DESIRABLE, UNDESIRABLE


def combine(verdicts: Sequence[Verdict], how: str, threshold: Threshold | None) -> Verdict:
    """Return what some verdicts come to; of one it is that one.

    Args:
        verdicts: At least one.
        how: `majority` of those that do not abstain (a tie abstains), `unanimous` (all, and none abstains), or
            `mean`: the mean score of those that have one, read by the threshold.
        threshold: What a score means.

    Returns:
        The verdict with the first reason that was given for it. Its score is the mean score; where there are
        none, the share of desirable among the verdicts that do not abstain.

    >>> up, down = Verdict(1, "good"), Verdict(-1, "bad")
    >>> combine([up, down, up], "majority", None)
    Verdict(vote=1, reason='good (2 of 3)', score=0.6666666666666666, cause=None)
    """
    if len(verdicts) == 1:
        return verdicts[0]
    votes = [verdict.vote for verdict in verdicts]
    n_up, n_down = votes.count(DESIRABLE), votes.count(UNDESIRABLE)
    scores = [verdict.score for verdict in verdicts if verdict.score is not None]
    share = n_up / (n_up + n_down) if n_up + n_down else None
    score = sum(scores) / len(scores) if scores else share
    if how == "mean" and scores and threshold is not None:
        assert score is not None
        vote = threshold.vote_on(score)
    elif how == "unanimous":
        vote = DESIRABLE if n_up == len(votes) else UNDESIRABLE if n_down == len(votes) else ABSTAIN
    else:
        vote = (n_up > n_down) - (n_up < n_down)
    if vote == ABSTAIN:
        return _abstention(verdicts, score)
    reason = next((one.reason for one in verdicts if one.vote == vote and one.reason), "")
    n_same = n_up if vote == DESIRABLE else n_down
    return Verdict(vote, f"{reason} ({n_same} of {len(votes)})".strip(), score)


def _abstention(verdicts: Sequence[Verdict], score: float | None) -> Verdict:
    """Return an abstention for what most of the verdicts abstained for, else for their disagreement."""
    causes = [one.cause for one in verdicts if one.vote == ABSTAIN and one.cause]
    if any(one.vote != ABSTAIN for one in verdicts) or not causes:
        n_up, n_down = (sum(one.vote == vote for one in verdicts) for vote in (DESIRABLE, UNDESIRABLE))
        detail = f"{n_up} desirable, {n_down} undesirable of {len(verdicts)}"
        return Verdict(ABSTAIN, detail, score, "disagreement")
    cause = max(dict.fromkeys(causes), key=causes.count)
    return Verdict(ABSTAIN, next(one.reason for one in verdicts if one.cause == cause), score, cause)
