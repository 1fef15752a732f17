"""Run folders: steps with their hash and manifest, resuming, locking, and files that appear whole or not at all."""
