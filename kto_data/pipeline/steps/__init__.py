"""The steps of a pipeline, in the order of design: one file a step, each a function of the run's context."""
