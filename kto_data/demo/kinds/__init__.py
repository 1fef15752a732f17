"""The kinds of task, one file each: its questions, its good answers and its own faults.

A new kind is a file here and an entry in ``KINDS``; a new fault also needs a rate for each model in ``models.py``.
"""

from kto_data.demo.kinds import contacts, explanations, formats, harmful, how_to, settings, sums

KINDS = (
    how_to.KIND,
    explanations.KIND,
    settings.KIND,
    formats.KIND,
    sums.KIND,
    contacts.KIND,
    harmful.KIND,
)
