"""The rules at the speed of a scan; the votes are those of `engine.label_batch`, which is slow and plain."""
