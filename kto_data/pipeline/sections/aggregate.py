"""`aggregate:`: how votes become labels."""

from typing import Any

from kto_data.aggregators.method import METHODS, Method
from kto_data.aggregators.policy import Policy
from kto_data.config.validate import validate
from kto_data.config.yaml_file import YamlFile
from kto_data.errors import ConfigError, did_you_mean


def read_aggregate(data: dict[str, Any], file: YamlFile) -> tuple[Method, Policy]:
    """Split `aggregate:` into the method's options and the policy's."""
    name = data.get("method", "calibrated")
    if not isinstance(name, str) or name not in METHODS:
        raise ConfigError(
            [
                file.mistake(
                    ("aggregate", "method"), f"unknown method {name!r}{did_you_mean(str(name), METHODS)}"
                )
            ]
        )
    method = METHODS.get(name)
    policy_keys = {key: value for key, value in data.items() if key in Policy.model_fields}
    method_keys = {key: value for key, value in data.items() if key not in policy_keys and key != "method"}
    unknown = [
        file.mistake(
            ("aggregate", key),
            f"unknown key{did_you_mean(key, ['method', *method.model_fields, *Policy.model_fields])}",
        )
        for key in method_keys
        if key not in method.model_fields
    ]
    if unknown:
        raise ConfigError(unknown)
    return validate(method, method_keys, file, ("aggregate",)), validate(
        Policy, policy_keys, file, ("aggregate",)
    )
