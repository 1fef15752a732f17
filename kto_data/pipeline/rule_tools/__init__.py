"""What rules are worth on data: what they vote there, how often they are right, what a change of theirs changes."""
