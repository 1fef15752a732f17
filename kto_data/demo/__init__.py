"""A made-up production log, from a seed: what the quickstart pipeline reads, with the truth kept apart.

The texts are those of Tillowby, an invented maker of household things, and of three pretended models that answer its
customers. ``log.write_demo_log`` is the entry. Everything here needs the standard library alone.
"""
