"""Model judges: a judge file turns a language model into a labeler."""
