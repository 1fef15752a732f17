"""The only reader of YAML: rule, judge and pipeline files, with line numbers and all mistakes at once."""
