"""Which samples annotators are asked about, and with what probability each was chosen; one strategy a file."""
