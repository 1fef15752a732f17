"""A set of rules as one HTML page, for people who do not read YAML."""

from kto_data.labelers.rules.page.render import rules_page

__all__ = ["rules_page"]
