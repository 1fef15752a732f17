"""Final answers: where they stand in a text, what number they are, and whether two are the same."""
