"""How a trained model is measured: rankings, side effects, and what labelers say of its outputs."""
