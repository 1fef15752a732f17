"""Where judges get their answers: one backend a file."""
