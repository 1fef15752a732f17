"""promptfoo's configuration files as rule files: their assertions keep names and meaning, what cannot be kept is told."""

from kto_data.labelers.rules.promptfoo_import.convert import Imported, import_config
from kto_data.labelers.rules.promptfoo_import.write import rule_file_text

__all__ = ["Imported", "import_config", "rule_file_text"]
