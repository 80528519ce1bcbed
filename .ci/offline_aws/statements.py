"""The blocks of a WAF rule's statement, which the package of schemas leaves untyped because they contain themselves."""

# ruff: noqa: ANN401 -- schemas are JSON

from typing import Any

Block = dict[str, Any]
_DEEPEST = 2


def _attribute(of: Any, required: bool = False) -> Block:
    return {"t": of, "c": False, "o": not required, "r": required}


def _nested(attributes: Block, blocks: Block | None = None, *, most: int = 1, least: int = 0) -> Block:
    return {"n": "list", "max": most, "min": least, "b": {"a": attributes, "b": blocks or {}}}


def _within(block: Block, *, most: int = 1, least: int = 0) -> Block:
    return {"n": "list", "max": most, "min": least, "b": block}


def statement(depth: int = 0) -> Block:
    """A statement, which holds others down to a depth that is enough for us."""
    actions = {name: _nested({}) for name in ("allow", "block", "count", "captcha", "challenge")}
    override = _nested({"name": _attribute("string", True)}, {"action_to_use": _nested({}, actions, least=1)}, most=100)
    managed = {name: _attribute("string", name != "version") for name in ("name", "vendor_name", "version")}
    rate = {"limit": _attribute("number", True), "evaluation_window_sec": _attribute("number")}
    deeper = depth < _DEEPEST
    inner = {"scope_down_statement": _within(statement(depth + 1))} if deeper else {}
    blocks = {
        "managed_rule_group_statement": _nested(managed, {"rule_action_override": override, **inner}),
        "rate_based_statement": _nested(rate | {"aggregate_key_type": _attribute("string")}, inner),
        "ip_set_reference_statement": _nested({"arn": _attribute("string", True)}),
        "geo_match_statement": _nested({"country_codes": _attribute(["list", "string"], True)}),
    }
    if deeper:
        several = _nested({}, {"statement": _within(statement(depth + 1), most=0, least=1)})
        blocks |= {"and_statement": several, "or_statement": several}
        blocks["not_statement"] = _nested({}, {"statement": _within(statement(depth + 1), least=1)})
    return {"a": {}, "b": blocks}


def type_statements(name: str, block: Block) -> None:
    """Give the statements of a type their blocks; what else is untyped counts as text."""
    for key, attribute in list(block["a"].items()):
        untyped = attribute["t"] == "dynamic" or "dynamic" in str(attribute["t"])
        if untyped and "wafv2" in name and key in {"statement", "scope_down_statement"}:
            del block["a"][key]
            block["b"][key] = _within(statement())
        elif untyped:
            attribute["t"] = _as_text(attribute["t"])
    for nested in block["b"].values():
        type_statements(name, nested["b"])


def _as_text(of: Any) -> Any:
    if isinstance(of, list):
        return [_as_text(each) for each in of]
    if isinstance(of, dict):
        return {key: _as_text(each) for key, each in of.items()}
    return "string" if of == "dynamic" else of
