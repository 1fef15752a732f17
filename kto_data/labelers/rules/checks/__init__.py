"""The check types of rule files, one idea a file; the registry that finds them is in `check.py`."""
