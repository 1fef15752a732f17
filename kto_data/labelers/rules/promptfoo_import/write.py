"""An imported configuration as the text of a rule file."""

from typing import Any

import yaml

from kto_data.labelers.rules.promptfoo_import.convert import Imported


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out: what is equal by chance is not meant to stay so."""
        return True


def rule_file_text(imported: Imported, source: str) -> str:
    """Return the rule file, with what was left out as a comment at its head."""
    lines = [
        f"# Imported from {source} by `kto rules import`. Rules vote undesirable where an assertion fails."
    ]
    if imported.left:
        lines.append("# Not imported:")
        lines += [f"#   {' '.join(str(one).split())}" for one in imported.left]
    data = {
        "version": 1,
        "ruleset": imported.ruleset,
        "description": imported.description,
        "rules": list(imported.rules),
    }
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return "\n".join(lines) + "\n" + text
