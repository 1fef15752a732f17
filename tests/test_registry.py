import subprocess
import sys

import pytest

from kto_data.aggregators.method import METHODS
from kto_data.curation.step import STEPS
from kto_data.labelers.rules.checks.check import CHECKS
from kto_data.registry import Registry


@pytest.mark.parametrize("registry", [CHECKS, METHODS, STEPS], ids=lambda registry: registry.kind)
def test_the_source_names_the_module_of_every_plugin(registry):
    registered = {name: registry.get(name).__module__ for name in registry}
    assert {name: registry._modules.get(name) for name in registered} == registered


def test_only_the_module_of_the_plugin_that_is_asked_for_is_imported():
    code = (
        "import sys\n"
        "from kto_data.labelers.rules.checks.check import CHECKS\n"
        "assert CHECKS.get('contains').__name__ == 'Contains'\n"
        "loaded = [name for name in sys.modules if name.startswith('kto_data.labelers.rules.checks.')]\n"
        "print(*sorted(name.rpartition('.')[2] for name in loaded))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["check", "contains"]


def test_an_unknown_name_is_told_with_one_that_is_near():
    with pytest.raises(KeyError, match="unknown check type 'contians'; did you mean 'contains'"):
        CHECKS.get("contians")


def test_a_name_registered_twice_is_refused():
    shapes: Registry[object] = Registry("shape", package="", group="")
    shapes.register("round")(object())
    with pytest.raises(ValueError, match="shape 'round' is registered twice"):
        shapes.register("round")(object())
    assert "square" not in shapes
