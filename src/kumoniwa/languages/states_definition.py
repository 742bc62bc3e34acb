"""State machines in the Amazon States Language: read, and checked in AWS's words.

``read`` answers a ``Machine``, compiled to be run, and what is wrong with its text.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from kumoniwa.languages import states_choice, states_jsonata
from kumoniwa.languages.states_fields import (
    EXCLUSIVE,
    LEAST,
    OBJECTS,
    ONLY_JSONATA,
    ONLY_JSONPATH,
    REFERENCE_PATHS,
    REQUIRED,
    SUPPORTED,
    TYPES,
)
from kumoniwa.languages.states_intrinsic import Template, compiled, template
from kumoniwa.languages.states_machine import Catcher, Choice, Flow, Machine, Retrier, State
from kumoniwa.languages.states_path import Expression, InvalidExpression, expression, tokens

SCHEMA = "SCHEMA_VALIDATION_FAILED"
DEPTH_MAX = 20
NAME_MAX = 80
WAITS = ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")
"""Of these a state that waits has one; in the order in which AWS says so."""
ASKED = {
    "lambda:invoke": ("FunctionName",), "sqs:sendMessage": ("QueueUrl", "MessageBody"), "sns:publish": ("Message",),
    "dynamodb:putItem": ("TableName", "Item"), "dynamodb:getItem": ("TableName", "Key"), "states:startExecution": ("StateMachineArn",),
    "events:putEvents": ("Entries",), "ecs:runTask": ("TaskDefinition",), "glue:startJobRun": ("JobName",),
}  # fmt: skip
"""What has to be said of these, as cdk-preflight measured with ValidateStateMachineDefinition."""


class Diagnostic(NamedTuple):
    code: str
    message: str
    location: str | None = None
    severity: str = "ERROR"

    def said(self) -> str:
        """As CreateStateMachine says it."""
        # "at null": cdk-preflight's pf-sfn-asl-terminal-state, seen of AWS.
        location = "null" if self.code == "MISSING_END_STATE" else self.location
        at = f" at {location}" if location is not None else ""
        return f"{self.code}: {self.message}{at}"


NOTHING: Template = lambda scope: {}  # noqa: E731


class _Reader:
    def __init__(self, machine: Machine, is_express: bool) -> None:
        self.machine, self.is_express = machine, is_express
        self.wrong: list[Diagnostic] = []
        self.names: set[str] = set()
        self.is_jsonata = machine.definition.get("QueryLanguage") == "JSONata"

    def fail(self, message: str, location: str, code: str = SCHEMA) -> None:
        self.wrong.append(Diagnostic(code, message, location))

    def require(self, holder: dict[str, Any], names: tuple[str, ...], location: str) -> bool:
        missing = [name for name in names if name not in holder]
        if missing:
            self.fail(f"These fields are required: [{', '.join(missing)}]", location)
        return not missing

    # Flows -------------------------------------------------------------------------------------------

    def flow(self, holder: Any, location: str, depth: int = 0) -> Flow:
        flow = Flow("", len(self.machine.flows))
        self.machine.flows.append(flow)
        if not isinstance(holder, dict):
            self.fail("Expected value of type Object", location or "/")
            return flow
        if depth > DEPTH_MAX:
            self.fail("The states are too deeply nested", location or "/", "TOO_DEEPLY_NESTED")
            return flow
        if not self.require(holder, ("States", "StartAt"), location or "/"):
            return flow
        states = holder["States"]
        flow.start = holder["StartAt"]
        if not isinstance(states, dict):
            self.fail("Expected value of type Object", f"{location}/States")
            return flow
        if not states:
            self.fail("Value cannot be empty", f"{location}/States")
            return flow
        if not isinstance(flow.start, str):
            self.fail("Expected value of type String", f"{location}/StartAt")
            return flow
        for name, fields in states.items():
            at = f"{location}/States/{name}"
            if len(name) > NAME_MAX or not name:
                self.fail(f"Invalid State name: {name}", at, "INVALID_STATE_NAME")
            if name in self.names:
                self.fail(f"Duplicate State name: {name}", at, "DUPLICATE_STATE_NAME")
            self.names.add(name)
            if not isinstance(fields, dict):
                self.fail("Expected value of type Object", at)
            elif (state := self.state(name, fields, at, depth)) is not None:
                flow.states[name] = state
        if len(flow.states) == len(states):
            self.transitions(flow, location)
        return flow

    def transitions(self, flow: Flow, location: str) -> None:
        """Every target is there, something ends, and every state is reached."""
        targets: dict[str, list[str]] = {}
        is_ended = False
        if flow.start not in flow.states:
            self.fail(f"Missing 'StartAt' target: {flow.start}", f"{location}/StartAt", "MISSING_TRANSITION_TARGET")
        for name, state in flow.states.items():
            at = f"{location}/States/{name}"
            found = [(state.next, f"{at}/Next"), (state.default, f"{at}/Default")]
            found += [(choice.next, f"{at}/Choices[{place}]/Next") for place, choice in enumerate(state.choices)]
            found += [(catcher.next, f"{at}/Catch[{place}]/Next") for place, catcher in enumerate(state.catchers)]
            targets[name] = [target for target, _ in found if target is not None]
            for target, where in found:
                if target is not None and target not in flow.states:
                    self.fail(f"Missing 'Next' target: {target}", where, "MISSING_TRANSITION_TARGET")
            is_ended = is_ended or state.type in ("Succeed", "Fail") or state.fields.get("End") is True
        if not is_ended:
            self.wrong.append(Diagnostic("MISSING_END_STATE", "Workflow has no terminal state"))
            return
        reached, waiting = {flow.start}, [flow.start]
        while waiting:
            for target in targets.get(waiting.pop(), ()):
                if target not in reached:
                    reached.add(target)
                    waiting.append(target)
        for name in flow.states:
            if name not in reached:
                self.fail(f'State "{name}" is not reachable.', f"{location}/States/{name}", "MISSING_TRANSITION_TARGET")

    # States ------------------------------------------------------------------------------------------

    def state(self, name: str, fields: dict[str, Any], at: str, depth: int) -> State | None:
        before = len(self.wrong)
        type_ = fields.get("Type")
        if "Type" not in fields:
            self.fail("These fields are required: [Type]", at)
            return None
        if type_ not in TYPES:
            self.fail(f"The field 'Type' should have one of these values: [{', '.join(TYPES)}]", f"{at}/Type")
            return None
        is_jsonata = self.language(fields, at)
        self.supported(type_, fields, is_jsonata, at)
        self.require(fields, REQUIRED.get(type_, ()), at)
        if len(self.wrong) > before:
            return None
        state = State(name, type_, fields, is_jsonata)
        self.data(state, at)
        self.retries(state, at)
        self.catches(state, at)
        {
            "Task": self.task, "Choice": self.choice, "Wait": self.wait, "Fail": self.failing, "Parallel": self.parallel, "Map": self.map,
        }.get(type_, lambda *_: None)(state, at, depth)  # fmt: skip
        return state

    def language(self, fields: dict[str, Any], at: str) -> bool:
        said = fields.get("QueryLanguage")
        if said not in (None, "JSONPath", "JSONata"):
            self.fail("The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]", f"{at}/QueryLanguage")
        if said == "JSONPath" and self.is_jsonata:
            self.fail("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", at)
        return said == "JSONata" or (said is None and self.is_jsonata)

    def supported(self, type_: str, fields: dict[str, Any], is_jsonata: bool, at: str) -> None:
        language, other = ("JSONata", "JSONPath") if is_jsonata else ("JSONPath", "JSONata")
        for field in fields:
            if field not in SUPPORTED[type_]:
                self.fail(f"Field '{field}' is not supported", at)
            elif field in (ONLY_JSONPATH if is_jsonata else ONLY_JSONATA):
                self.fail(
                    f"The QueryLanguage is set to '{language}', but field '{field}' is only supported for the '{other}' QueryLanguage", at
                )
        for group in EXCLUSIVE:
            held = [field for field in group if field in fields]
            if len(held) > 1:
                self.fail(f"There should only be one of the following fields: [{', '.join(WAITS if held[0] in WAITS else held)}]", at)
        if "Next" in SUPPORTED[type_] and "Next" not in fields and fields.get("End") is not True:
            self.fail("There should be one of the following fields: [Next, End]", at)
        for field, least in LEAST.items():
            value = fields.get(field)
            if value is not None and not (is_jsonata and isinstance(value, str)):
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    self.fail("Expected value of type Integer", f"{at}/{field}")
                elif value < least:
                    self.fail(f"Minimum value is {least}", f"{at}/{field}")
        for field, part in OBJECTS.items():
            if field in fields and not isinstance(fields[field], dict):
                self.fail("Expected value of type Object", f"{at}/{field}")
            elif field in fields and not isinstance(fields[field].get(part, {}), dict):
                self.fail("Expected value of type Object", f"{at}/{field}/{part}")
        for field in ("Next", "Default", "Resource", "Comment"):
            if field in fields and not isinstance(fields[field], str):
                self.fail("Expected value of type String", f"{at}/{field}")
        for field in REFERENCE_PATHS & fields.keys():
            value = fields[field]
            if value is None and field == "ResultPath":
                continue
            is_state = isinstance(value, str) and (field != "ResultPath" or value.startswith(("$.", "$[")) or value == "$")
            if not is_state or value.startswith("$$") or tokens_of(value) is None:
                self.fail("Value is not a Reference Path", f"{at}/{field}")

    def path(self, fields: dict[str, Any], field: str, at: str) -> Expression | None:
        """A path that may also be null, which reads as an empty object."""
        if field not in fields:
            return None
        if fields[field] is None:
            return NOTHING
        if fields[field] == "$":
            return None
        return self.expression(fields[field], field, at)

    def expression(self, value: Any, field: str, at: str, *, takes_calls: bool = False) -> Expression:
        try:
            if not isinstance(value, str):
                raise InvalidExpression(str(value))
            return (compiled if takes_calls else expression)(value)
        except InvalidExpression:
            self.fail("Value must be a valid JSONPath.", f"{at}/{field}")
            return NOTHING

    def template(self, holder: dict[str, Any], field: str, at: str, is_jsonata: bool, said: str = "") -> Template | None:
        if field not in holder:
            return None
        if is_jsonata:
            return states_jsonata.template(holder[field], said or field, lambda where, reason: self.fail(reason, f"{at}/{where}"))

        def fail(name: str) -> None:
            self.fail(
                f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call", f"{at}/{field}"
            )

        return template(holder[field], fail)

    def data(self, state: State, at: str) -> None:
        fields = state.fields
        state.input_path = self.path(fields, "InputPath", at)
        state.output_path = self.path(fields, "OutputPath", at)
        if "ResultPath" in fields:
            state.result_path = None if fields["ResultPath"] is None else tokens(fields["ResultPath"])
        for field in ("Parameters", "Arguments"):
            state.parameters = self.template(fields, field, at, state.is_jsonata) or state.parameters
        state.result_selector = self.template(fields, "ResultSelector", at, state.is_jsonata)
        if "Assign" in fields and not isinstance(fields["Assign"], dict):
            self.fail("Expected value of type Object", f"{at}/Assign")
        else:
            state.assign = self.template(fields, "Assign", at, state.is_jsonata)
        state.output = self.template(fields, "Output", at, state.is_jsonata)

    def _listed(self, state: State, field: str, at: str) -> list[tuple[dict[str, Any], str]]:
        value = state.fields.get(field, [])
        if not isinstance(value, list):
            self.fail("Expected value of type Array", f"{at}/{field}")
            return []
        found = []
        for place, one in enumerate(value):
            where = f"{at}/{field}[{place}]"
            if not isinstance(one, dict):
                self.fail("Expected value of type Object", where)
            elif field in ("Choices", "Branches") or self._errors_of(one, where, place == len(value) - 1):
                found.append((one, where))
        return found

    def _errors_of(self, one: dict[str, Any], where: str, is_last: bool) -> bool:
        if not self.require(one, ("ErrorEquals",), where):
            return False
        errors = one["ErrorEquals"]
        if not isinstance(errors, list) or not errors or not all(isinstance(error, str) for error in errors):
            self.fail("Value cannot be empty" if errors == [] else "Expected value of type Array", f"{where}/ErrorEquals")
            return False
        if "States.ALL" in errors and (len(errors) > 1 or not is_last):
            self.fail("States.ALL must appear alone and at end of list", f"{where}/ErrorEquals[{errors.index('States.ALL')}]")
            return False
        return True

    def target(self, holder: dict[str, Any], where: str) -> bool:
        """Whether a catcher or a rule names the state that is next."""
        if not self.require(holder, ("Next",), where):
            return False
        if not isinstance(holder["Next"], str):
            self.fail("Expected value of type String", f"{where}/Next")
            return False
        return True

    def retries(self, state: State, at: str) -> None:
        for one, where in self._listed(state, "Retry", at):
            for field, least in (("IntervalSeconds", 1), ("MaxAttempts", 0), ("BackoffRate", 1.0), ("MaxDelaySeconds", 1)):
                value = one.get(field, least)
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    self.fail("Expected value of type Integer", f"{where}/{field}")
                    return
                if value < least:
                    self.fail(f"Minimum value is {least}", f"{where}/{field}")
            jitter = one.get("JitterStrategy", "NONE")
            if jitter not in ("FULL", "NONE"):
                self.fail("The field 'JitterStrategy' should have one of these values: [FULL, NONE]", f"{where}/JitterStrategy")
            state.retriers.append(
                Retrier(
                    tuple(one["ErrorEquals"]), one.get("IntervalSeconds", 1), one.get("MaxAttempts", 3), one.get("BackoffRate", 2.0),
                    one.get("MaxDelaySeconds"), jitter == "FULL",
                )
            )  # fmt: skip

    def catches(self, state: State, at: str) -> None:
        for one, where in self._listed(state, "Catch", at):
            if not self.target(one, where):
                continue
            path = one.get("ResultPath", "$")
            if path is not None and (not isinstance(path, str) or tokens(path) is None):
                self.fail("Value is not a Reference Path", f"{where}/ResultPath")
                continue
            place = where.rpartition("/")[2]
            assign = self.template(one, "Assign", where, state.is_jsonata, f"{place}/Assign")
            output = self.template(one, "Output", where, state.is_jsonata, f"{place}/Output")
            state.catchers.append(
                Catcher(tuple(one["ErrorEquals"]), one["Next"], None if path is None else tokens(path), assign, output)
            )

    # By type -----------------------------------------------------------------------------------------

    def value(self, state: State, field: str, at: str, *, takes_calls: bool = False) -> None:
        """A field whose value is computed when the state runs."""
        if field not in state.fields:
            return
        if field.endswith("Path"):
            state.values[field] = self.expression(state.fields[field], field, at, takes_calls=takes_calls)
        elif state.is_jsonata:
            state.values[field] = self.template(state.fields, field, at, True)
        else:
            state.values[field] = template(state.fields[field])

    def task(self, state: State, at: str, _: int) -> None:
        resource = state.fields["Resource"]
        for field in ("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"):
            self.value(state, field, at)
        credentials = state.fields.get("Credentials")
        if credentials is not None:
            if not isinstance(credentials, dict) or not {"RoleArn", "RoleArn.$"} & credentials.keys():
                self.fail("The field 'RoleArn' is required but was missing", f"{at}/Credentials")
            else:
                state.values["Credentials"] = self.template(state.fields, "Credentials", at, state.is_jsonata)
        where = f"{at}/Resource"
        if not isinstance(resource, str) or not re.match(r"arn:[\w-]+:(lambda|states):", resource):
            self.fail("Value is not a valid resource ARN", where)
        elif self.is_express and resource.endswith(".waitForTaskToken"):
            self.fail("Express state machine does not support '.waitForTaskToken' service integration ", where)
        elif self.is_express and re.search(r"\.sync(:\d)?\Z", resource):
            self.fail("Express state machine does not support '.sync' service integration", where)
        elif self.is_express and ":activity:" in resource:
            self.fail("Express state machine does not support Activity ARN", where)
        elif re.match(r"arn:[\w-]+:states:::", resource):
            self._asked(state, resource, at)

    def _asked(self, state: State, resource: str, at: str) -> None:
        """What a service is asked has to be said, as cdk-preflight saw it of AWS (pf-sfn-asl-integration-parameters)."""
        given = "Arguments" if state.is_jsonata else "Parameters"
        if given not in state.fields:
            self.fail(f"{given} field is required for resource ARN: {resource}", f"{at}/Resource")
        elif isinstance(said := state.fields[given], dict):
            action = re.sub(r"\.(sync|waitForTaskToken)(:\d)?\Z", "", resource.split(":::", 1)[1])
            for name in ASKED.get(action, ()):
                if name not in said and f"{name}.$" not in said:
                    self.fail(f"The field '{name}' is required but was missing", f"{at}/{given}")

    def choice(self, state: State, at: str, _: int) -> None:
        if state.fields["Choices"] == []:
            self.fail("Value cannot be empty", f"{at}/Choices")
        for rule, where in self._listed(state, "Choices", at):
            if not self.target(rule, where):
                continue
            assign = self.template(rule, "Assign", where, state.is_jsonata)
            output = self.template(rule, "Output", where, state.is_jsonata)
            if state.is_jsonata:
                if self.require(rule, ("Condition",), where):
                    holds = self.template(rule, "Condition", where, True, f"Choices[{len(state.choices)}]/Condition")
                    state.choices.append(Choice(holds, rule["Next"], assign, output))
                continue
            try:
                holds = states_choice.compiled(rule)
            except (InvalidExpression, KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
                self.fail(f"Invalid choice rule: {error}", where)
            else:
                state.choices.append(Choice(holds, rule["Next"], assign, output))

    def wait(self, state: State, at: str, _: int) -> None:
        named = ("Seconds", "Timestamp", "SecondsPath", "TimestampPath")
        if not any(field in state.fields for field in named):
            self.fail(f"There should be one of the following fields: [{', '.join(named)}]", at)
        for field in named:
            self.value(state, field, at)
        stamp = state.fields.get("Timestamp")
        is_computed = state.is_jsonata and states_jsonata.is_expression(stamp)
        if stamp is not None and not is_computed and states_choice.moment(stamp) is None:
            self.fail("String does not match RFC3339 timestamp", f"{at}/Timestamp")

    def failing(self, state: State, at: str, _: int) -> None:
        for field in ("Error", "Cause", "ErrorPath", "CausePath"):
            if field in state.fields and not isinstance(state.fields[field], str):
                self.fail("Expected value of type String", f"{at}/{field}")
            else:
                self.value(state, field, at, takes_calls=True)

    def parallel(self, state: State, at: str, depth: int) -> None:
        if state.fields["Branches"] == []:
            self.fail("Value cannot be empty", f"{at}/Branches")
        for branch, where in self._listed(state, "Branches", at):
            state.flows.append(self.flow(branch, where, depth + 1))

    def map(self, state: State, at: str, depth: int) -> None:
        field = "Iterator" if "Iterator" in state.fields else "ItemProcessor"
        if not self.require(state.fields, (field,), at):
            return
        processor = state.fields[field]
        if isinstance(processor, dict) and "QueryLanguage" in processor:
            self.fail("Field 'QueryLanguage' is not supported", f"{at}/{field}")
        config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
        if isinstance(config, dict):
            self._check_mode(config, f"{at}/{field}/ProcessorConfig")
        around = self.is_express
        self.is_express = around or (isinstance(config, dict) and config.get("ExecutionType") == "EXPRESS")
        state.flows.append(self.flow(processor, f"{at}/{field}", depth + 1))
        self.is_express = around
        if "Parameters" in state.fields or "ItemSelector" in state.fields:
            named = "ItemSelector" if "ItemSelector" in state.fields else "Parameters"
            state.parameters = self.template(state.fields, named, at, state.is_jsonata)
        for name in (
            "ItemsPath", "MaxConcurrency", "MaxConcurrencyPath", "ToleratedFailureCount", "ToleratedFailureCountPath",
            "ToleratedFailurePercentage", "ToleratedFailurePercentagePath",
        ):  # fmt: skip
            self.value(state, name, at)
        if state.is_jsonata:
            self.value(state, "Items", at)
        self.distribution(state, at)

    def _check_mode(self, config: dict[str, Any], at: str) -> None:
        """As cdk-preflight saw it of AWS (pf-sfn-asl-map-distributed)."""
        if config.get("Mode") == "DISTRIBUTED":
            self.require(config, ("ExecutionType",), at)
        elif config.get("Mode") == "INLINE" and "ExecutionType" in config:
            self.fail("Field 'ExecutionType' is not supported", at)

    def distribution(self, state: State, at: str) -> None:
        """Where items come from, how they are batched, and where results go."""
        if not state.is_distributed:
            for field in ("ItemReader", "ItemBatcher", "ResultWriter", "Label"):
                if field in state.fields:
                    self.fail(f"Field '{field}' is not supported", at)
            return
        given = "Arguments" if state.is_jsonata else "Parameters"
        for field in ("ItemReader", "ResultWriter"):
            holder = state.fields.get(field)
            if holder is None:
                continue
            if not isinstance(holder.get("Resource", ""), str):
                self.fail("Expected value of type String", f"{at}/{field}/Resource")
            elif self.require(holder, ("Resource",) if field == "ItemReader" else (), f"{at}/{field}") and given in holder:
                state.values[field] = self.template(holder, given, f"{at}/{field}", state.is_jsonata, f"{field}/{given}")
            elif field == "ResultWriter" and not holder.keys() & {"Resource", "WriterConfig"}:
                self.fail("There should be one of the following fields: [Resource, WriterConfig]", f"{at}/{field}")
        for field, names in (("ItemBatcher", ("MaxItemsPerBatch", "MaxInputBytesPerBatch")), ("ItemReader", ("MaxItems",))):
            holder = state.fields.get(field)
            holder = holder.get("ReaderConfig", {}) if field == "ItemReader" and isinstance(holder, dict) else holder
            for name in names if isinstance(holder, dict) else ():
                if name in holder:
                    state.values[name] = self.template(holder, name, f"{at}/{field}", state.is_jsonata)
                elif f"{name}Path" in holder:
                    state.values[f"{name}Path"] = self.expression(holder[f"{name}Path"], f"{name}Path", f"{at}/{field}")
            if field == "ItemBatcher" and isinstance(holder, dict) and "BatchInput" in holder:
                state.values["BatchInput"] = self.template(holder, "BatchInput", f"{at}/{field}", state.is_jsonata)
        label = state.fields.get("Label")
        if label is not None and (not isinstance(label, str) or not re.fullmatch(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,40}", label)):
            self.fail(f"Label is invalid: '{label}'", f"{at}/Label", "INVALID_LABEL_NAME")


def tokens_of(path: str) -> tuple[str | int, ...] | None:
    """As ``tokens``, where a variable may be meant: ``$name.member``."""
    variable = re.match(r"\$[^\W\d]\w*", path)
    return tokens("$" + path[variable.end() :]) if variable is not None else tokens(path)


def read(text: str, *, is_express: bool = False) -> tuple[Machine, list[Diagnostic]]:
    """The machine that a definition describes, which is whole only if nothing is wrong with it."""
    try:
        definition = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        if not text.strip():
            return Machine({}), [Diagnostic(SCHEMA, "Definition must be a valid JSON object")]
        message, location = parse_failure(text)
        return Machine({}), [Diagnostic("INVALID_JSON_DESCRIPTION", f"{message}\n at {location}", location)]
    if not isinstance(definition, dict):
        return Machine({}), [Diagnostic(SCHEMA, "Definition must be a valid JSON object")]
    machine = Machine(definition)
    reader = _Reader(machine, is_express)
    for field in definition:
        if field not in ("Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"):
            reader.fail(f"Field '{field}' is not supported", "/")
    if definition.get("QueryLanguage", "JSONPath") not in ("JSONPath", "JSONata"):
        reader.fail("The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]", "/QueryLanguage")
    timeout = definition.get("TimeoutSeconds")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout < 1):
        reader.fail("Minimum value is 1", "/TimeoutSeconds")
    else:
        machine.timeout_s = timeout
    if definition.get("Version", "1.0") != "1.0":
        reader.fail("The field 'Version' should have one of these values: [1.0]", "/Version")
    reader.flow(definition, "")
    return machine, reader.wrong


def read_state(definition: dict[str, Any], name: str, *, is_jsonata: bool = False) -> tuple[State | None, list[Diagnostic]]:
    """One state on its own, whose targets need not exist."""
    reader = _Reader(Machine({"QueryLanguage": "JSONata"} if is_jsonata else {}), False)
    state = reader.state(name, definition, f"/States/{name}", 0)
    return state, reader.wrong


_WORD = re.compile(r"[\w$]+")


def parse_failure(text: str) -> tuple[str, str]:
    """Jackson's words for a text that is no JSON, as far as a first glance tells: (message, location)."""
    stripped = text.lstrip()
    word = _WORD.match(stripped)
    if word is not None and not stripped[0].isdigit() and word[0] not in ("true", "false", "null"):
        column = len(text) - len(stripped) + len(word[0]) + 1
        message = f"Unrecognized token '{word[0]}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
    else:
        field = re.match(r"\{\s*([^\"}\s])", stripped)
        column = len(text) - len(stripped) + (field.end() if field is not None else 1)
        if field is not None:
            message = f"Unexpected character ('{field[1]}' (code {ord(field[1])})): was expecting double-quote to start field name"
        else:
            message = "Unexpected end-of-input: expected close marker for Object"
    return message, f'[Source: (String)"{text}"; line: 1, column: {column}]'
