"""The votes as the tables hold them, for those who need no tables."""

DESIRABLE, UNDESIRABLE, ABSTAIN = 1, -1, 0
"""The three votes. Not applicable is null, and a failure is a fault: neither is a vote."""

VOTE_NAMES = {"desirable": DESIRABLE, "undesirable": UNDESIRABLE, "abstain": ABSTAIN}
