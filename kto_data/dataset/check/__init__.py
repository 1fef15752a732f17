"""`kto check`: what is wrong with a KTO dataset, whoever made it.

`finding` says what a finding is; `records`, `content`, `batches`, `weights` and `tokens` find; `audit` asks them all. To
add a finding: a generator in one of them (or a new file, and a line in `audit`), and a test.
"""
