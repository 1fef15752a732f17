"""What a report is made of, one file a part; `run` puts them together."""
