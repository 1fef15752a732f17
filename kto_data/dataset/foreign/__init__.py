"""Anybody's KTO dataset as the tables that ours are made of: `layouts` knows the formats, `opened` reads the files."""
