"""The dataset folder: which rows it holds, its shards, its manifest, its card, and reading it back."""
