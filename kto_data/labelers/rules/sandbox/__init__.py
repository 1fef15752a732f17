"""Running code of models' outputs in a process of its own, under hard limits."""
