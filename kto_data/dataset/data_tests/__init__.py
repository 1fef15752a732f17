"""What must hold of a dataset before it is written: the tests of a pipeline's `tests:` list, one file each."""
