"""Everything that votes: rules, judges, annotators and feedback."""
