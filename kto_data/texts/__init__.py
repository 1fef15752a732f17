"""What can be told from a text alone: its language, personal data and secrets in it, its words."""
