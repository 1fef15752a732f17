"""Sending questions: stored answers first, as many requests at once as the server takes, within a budget."""
