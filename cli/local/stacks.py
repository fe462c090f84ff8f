"""CloudFormation as on AWS, where the emulator does less or other things.

* A template's address may name the bucket in its host: `https://BUCKET.s3.REGION.amazonaws.com/KEY`.
* A change set shows the values of properties before and after, and what changes in nested stacks; it hides `NoEcho` values.
* A stack shows its role, its rollback triggers, and the stacks it is nested in.
* What a stack's state forbids is refused: a second operation while one is under way, changing what only can be deleted.
* A stack that is stuck shows which of its resources failed, and why, and keeps those that could not be deleted.
* A service of ECS is made or updated once its tasks run, or do not come up.
* Change sets go with their stack.
* Permissions are asked for on the stack or change set that a call is about; the emulator asks for them on everything.

For tests, resources can be made to fail or to take their time (`hit`): the emulator accepts nearly everything, and nothing takes
it longer than a moment. Everything after that, rollbacks above all, is the emulator's own.
"""

import json
import os
import re
import threading
import time
from html import escape
from urllib.parse import parse_qs, urlparse

S3_HOST = re.compile(r"^(?P<bucket>.+)\.s3[.-][a-z0-9-]+\.amazonaws\.com(\.cn)?$")
STACK = "AWS::CloudFormation::Stack"


def behave():
    """Called once, when the emulator's CloudFormation has been loaded."""
    read_templates_by_virtual_host()
    show_values_of_changes()
    show_all_of_stacks()
    refuse_what_the_state_forbids()
    show_what_failed()
    hit_resources()
    wait_for_services()


def permit_by_stack():
    """Has calls ask for their permissions on the stack, or on the change set of a nested one, as on AWS."""
    from ministack.core import iam_actions

    extract = iam_actions.extract_resource_arn

    def extract_stack(service, method, path, headers, body, query_params, *args, **kwargs):
        arn = extract(service, method, path, headers, body, query_params, *args, **kwargs)
        if service != "cloudformation" or not body:
            return arn
        given = {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}
        name = given.get("StackName") or given.get("ChangeSetName", "")
        region, account = os.environ.get("MINISTACK_REGION", "us-east-1"), os.environ.get("MINISTACK_ACCOUNT_ID", "000000000000")
        if not name or name.startswith("arn:"):
            return name or arn
        return f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"

    iam_actions.extract_resource_arn = extract_stack


def wrap(action):
    """Puts a function around one of CloudFormation's actions; it gets the action and its parameters."""

    def around(function):
        from ministack.services.cloudformation import handlers

        inner = handlers._ACTION_HANDLERS[action]
        handlers._ACTION_HANDLERS[action] = lambda params: function(inner, params)

    return around


def parameter(params, name):
    value = params.get(name, "")
    return value[0] if isinstance(value, list) else value


def found_stack(params):
    from ministack.services.cloudformation import handlers

    return handlers._resolve_stack(parameter(params, "StackName"))


def refusal(message, code="ValidationError"):
    from ministack.services.cloudformation import helpers

    return helpers._error(code, message)


def read_templates_by_virtual_host():
    from ministack.services.cloudformation import helpers

    resolve = helpers._resolve_document

    def resolve_address(params, body_key, url_key, label):
        url = urlparse(parameter(params, url_key) or "")
        host = S3_HOST.match(url.hostname or "")
        if host:
            params = {**params, url_key: [f"https://s3.amazonaws.com/{host['bucket']}{url.path}"]}
        return resolve(params, body_key, url_key, label)

    helpers._resolve_document = resolve_address


# Change sets


def leaves(path, before, after):
    """The places where two values differ, as far down as both have the same shape."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from leaves(f"{path}/{key}", before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after)):
            yield from leaves(f"{path}/{index}", *pair)
    elif before != after:
        yield path, before, after


def shown(value):
    return value if isinstance(value, str) else json.dumps(value)


def resolved(template, values, stack):
    from ministack.services.cloudformation import changesets

    whole = changesets._resolve_props_for_diff(template, values, stack["StackName"], stack["StackId"])
    return whole or {"Resources": {}}


def keep_values(change_set, stack):
    """Notes what the change set's resources are and would be, while both templates are at hand."""
    is_new = change_set.get("ChangeSetType") == "CREATE"
    before = {"Resources": {}} if is_new else resolved(stack.get("_template") or {}, stack.get("_resolved_params") or {}, stack)
    after = resolved(change_set["_template"], change_set["_resolved_params"], stack)
    properties = lambda whole: {name: one.get("Properties") or {} for name, one in whole["Resources"].items()}
    change_set["_before"], change_set["_after"] = properties(before), properties(after)
    for one in change_set["Parameters"]:
        if (change_set["_resolved_params"].get(one["ParameterKey"]) or {}).get("NoEcho"):
            one["ParameterValue"] = "****"


def add_nested(change_set, stack):
    """Makes the change sets of the nested stacks that the change set touches."""
    from ministack.core.responses import new_uuid, now_iso
    from ministack.services.cloudformation import _change_sets, _stacks, changesets, engine, helpers

    for change in change_set["Changes"]:
        change = change["ResourceChange"]
        logical = change["LogicalResourceId"]
        if change["ResourceType"] != STACK or change["Action"] not in ("Add", "Modify"):
            continue
        properties = change_set["_after"].get(logical) or {}
        body, error = helpers._resolve_template({"TemplateURL": [properties.get("TemplateURL")]})
        child = _stacks.get(change.get("PhysicalResourceId")) or next(
            (one for one in _stacks.values() if one["StackId"] == change.get("PhysicalResourceId")), None
        )
        if error or not body:
            continue
        template = engine._parse_template(body)
        given = [{"Key": key, "Value": str(value)} for key, value in (properties.get("Parameters") or {}).items()]
        shell = child or {"StackName": f"{stack['StackName']}-{logical}", "StackId": "", "_template": {}, "_resolved_params": {}}
        values = engine._resolve_parameters(template, given, shell.get("_resolved_params") or {})
        old = shell.get("_resolved_params") or {}
        changed = {key for key, value in values.items() if old.get(key, {}).get("Value") != value.get("Value")}
        identifier = f"{change_set['ChangeSetId'].rsplit('/', 2)[0]}/{change_set['ChangeSetName']}-{logical}/{new_uuid()}"
        nested = {
            **{key: change_set[key] for key in ("Description", "Tags", "Capabilities", "OnStackFailure")},
            "ChangeSetId": identifier,
            "ChangeSetName": identifier.split("/")[1],
            "StackId": shell["StackId"],
            "StackName": shell["StackName"],
            "Status": "CREATE_COMPLETE",
            "ExecutionStatus": "AVAILABLE",
            "StatusReason": "",
            "CreationTime": now_iso(),
            "ChangeSetType": "UPDATE" if child else "CREATE",
            "Changes": changesets._diff_resources(
                resolved(shell.get("_template") or {}, old, shell), resolved(template, values, shell), shell.get("_resources"), template, changed, ()
            ),
            "Parameters": [{"ParameterKey": key, "ParameterValue": value["Value"]} for key, value in values.items()],
            "_template": template,
            "_resolved_params": values,
            "_root": change_set["ChangeSetId"],
        }
        keep_values(nested, shell)
        _change_sets[identifier] = nested
        change["ChangeSetId"] = identifier
        if child:
            # A nested stack is updated, never replaced, by another template.
            change["Replacement"] = "False"
        add_nested(nested, shell)


def show_values_of_changes():
    @wrap("CreateChangeSet")
    def create(inner, params):
        from ministack.services.cloudformation import _change_sets, changesets

        forget_those_of_deleted_stacks(parameter(params, "StackName"))
        answer = inner(params)
        if answer[0] != 200:
            return answer
        _, change_set = changesets._find_change_set(parameter(params, "ChangeSetName"), parameter(params, "StackName"))
        stack = found_stack(params)
        if change_set and stack:
            change_set["_role"] = parameter(params, "RoleARN")
            change_set["_rollback"] = rollback_triggers(params)
            keep_values(change_set, stack)
            if parameter(params, "IncludeNestedStacks") == "true":
                add_nested(change_set, stack)
        return answer

    @wrap("DescribeChangeSet")
    def describe(inner, params):
        from ministack.services.cloudformation import changesets

        status, headers, body = inner(params)
        _, change_set = changesets._find_change_set(parameter(params, "ChangeSetName"), parameter(params, "StackName"))
        if status != 200 or not change_set:
            return status, headers, body
        with_values = parameter(params, "IncludePropertyValues") == "true"
        head, *changes = body.decode().split("<ResourceChange>")
        nested = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"].get("ChangeSetId") for one in change_set["Changes"]}
        told = [head]
        for change in changes:
            logical = re.search("<LogicalResourceId>(.*?)</LogicalResourceId>", change)[1]
            if with_values:
                change = with_values_of(change, change_set.get("_before", {}).get(logical), change_set.get("_after", {}).get(logical))
            if nested.get(logical):
                change = f"<ChangeSetId>{escape(nested[logical])}</ChangeSetId>{change}"
            told.append(change)
        return status, headers, "<ResourceChange>".join(told).encode()

    @wrap("DeleteChangeSet")
    def delete(inner, params):
        from ministack.services.cloudformation import _change_sets, changesets

        identifier, _ = changesets._find_change_set(parameter(params, "ChangeSetName"), parameter(params, "StackName"))
        for one in [key for key, value in _change_sets.items() if identifier and value.get("_root") == identifier]:
            _change_sets.pop(one, None)
        return inner(params)


def with_values_of(change, before, after):
    def value(match):
        name = match[1]
        places = list(leaves(f"/Properties/{name}", (before or {}).get(name), (after or {}).get(name)))
        whole = (f"/Properties/{name}", (before or {}).get(name), (after or {}).get(name))
        path, old, new = places[0] if len(places) == 1 else whole
        told = f"<Attribute>Properties</Attribute><Name>{name}</Name><Path>{escape(path)}</Path>"
        told += f"<BeforeValue>{escape(shown(old))}</BeforeValue>" if old is not None else ""
        return told + (f"<AfterValue>{escape(shown(new))}</AfterValue>" if new is not None else "")

    return re.sub("<Attribute>Properties</Attribute><Name>(.*?)</Name>", value, change)


def forget_those_of_deleted_stacks(name):
    from ministack.services.cloudformation import _change_sets, _stacks

    stack = _stacks.get(name) or {}
    gone = stack.get("StackStatus", "DELETE_COMPLETE") == "DELETE_COMPLETE"
    for one in [key for key, value in _change_sets.items() if value["StackName"] == name and (gone or value["StackId"] != stack["StackId"])]:
        _change_sets.pop(one, None)


# Stacks


def rollback_triggers(params):
    prefix = "RollbackConfiguration.RollbackTriggers.member"
    triggers, number = [], 1
    while parameter(params, f"{prefix}.{number}.Arn"):
        triggers.append((parameter(params, f"{prefix}.{number}.Arn"), parameter(params, f"{prefix}.{number}.Type")))
        number += 1
    given = any(key.startswith("RollbackConfiguration") for key in params)
    return (triggers, parameter(params, "RollbackConfiguration.MonitoringTimeInMinutes") or "0") if given else None


def show_all_of_stacks():
    @wrap("ExecuteChangeSet")
    def execute(inner, params):
        from ministack.services.cloudformation import _stacks, changesets

        _, change_set = changesets._find_change_set(parameter(params, "ChangeSetName"), parameter(params, "StackName"))
        stack = change_set and _stacks.get(change_set["StackName"])
        answer = inner(params)
        if stack and answer[0] == 200:
            stack["_role"] = change_set.get("_role") or stack.get("_role")
            if change_set.get("_rollback") is not None:
                stack["_rollback"] = change_set["_rollback"]
        return answer

    @wrap("DescribeStacks")
    def describe(inner, params):
        from ministack.services.cloudformation import _stacks

        status, headers, body = inner(params)
        if status != 200:
            return status, headers, body
        told = body.decode()
        for stack in list(_stacks.values()):
            mark = f"<StackId>{escape(stack['StackId'])}</StackId>"
            if mark in told:
                told = told.replace(mark, mark + more_of(stack), 1)
        return status, headers, told.encode()


def more_of(stack):
    told = f"<RoleARN>{escape(stack['_role'])}</RoleARN>" if stack.get("_role") else ""
    told += "".join(f"<{key}>{escape(stack[key])}</{key}>" for key in ("ParentId", "RootId") if stack.get(key))
    if stack.get("_rollback"):
        triggers, minutes = stack["_rollback"]
        members = "".join(f"<member><Arn>{escape(arn)}</Arn><Type>{kind}</Type></member>" for arn, kind in triggers)
        told += (
            f"<RollbackConfiguration><RollbackTriggers>{members}</RollbackTriggers>"
            f"<MonitoringTimeInMinutes>{minutes}</MonitoringTimeInMinutes></RollbackConfiguration>"
        )
    return told


def refuse_what_the_state_forbids():
    can_be_updated = re.compile("^(CREATE|UPDATE|UPDATE_ROLLBACK|IMPORT|IMPORT_ROLLBACK)_COMPLETE$|^UPDATE_FAILED$")

    def refused(stack):
        return refusal(f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be updated.")

    @wrap("CreateChangeSet")
    def create(inner, params):
        stack = found_stack(params)
        is_update = parameter(params, "ChangeSetType") in ("", "UPDATE")
        known = stack and stack["StackStatus"] not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
        return refused(stack) if known and is_update and not can_be_updated.match(stack["StackStatus"]) else inner(params)

    @wrap("ExecuteChangeSet")
    def execute(inner, params):
        stack = found_stack(params)
        known = stack and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        return refused(stack) if known and not can_be_updated.match(stack["StackStatus"]) else inner(params)

    @wrap("DeleteStack")
    def delete(inner, params):
        stack = found_stack(params)
        status = (stack or {}).get("StackStatus", "")
        if status.startswith("UPDATE") and status.endswith("IN_PROGRESS"):
            return refusal(f"Stack [{stack['StackName']}] cannot be deleted while in status {status}")
        return inner(params)


def show_what_failed():
    """Has the resources of a stack tell what an operation could not do to them, until another one could."""
    from ministack.core.responses import now_iso
    from ministack.services.cloudformation import _stack_events, _stacks, changesets, handlers, stacks

    def reason_of(stack, logical):
        events = reversed(_stack_events.get(stack["StackId"], []))
        failed = (event for event in events if event["LogicalResourceId"] == logical and event["ResourceStatus"].endswith("_FAILED"))
        return next((event["ResourceStatusReason"] for event in failed), "")

    def mark(stack, logical, status):
        record = stack["_resources"].get(logical)
        if record is not None:
            record["ResourceStatus"] = status
            record["ResourceStatusReason"] = reason_of(stack, logical) if status.endswith("_FAILED") else ""

    def mark_failed(stack):
        for logical, failed in stack.get("_rollback_failed", {}).items():
            is_revert = "RevertTo" in failed
            if not is_revert:
                # What a failed creation left behind is still the stack's, which may be deleted again.
                record = {"LogicalResourceId": logical, "Attributes": {}, "Timestamp": now_iso()}
                stack["_resources"].setdefault(logical, {**failed, **record})
            mark(stack, logical, "UPDATE_FAILED" if is_revert else "DELETE_FAILED")

    roll_back, go_on, deploy = stacks._roll_back_operation, stacks._continue_update_rollback_async, stacks._deploy_stack_async

    async def roll_back_and_tell(stack_name, stack_id, stack, *rest, **more):
        await roll_back(stack_name, stack_id, stack, *rest, **more)
        if stack["StackStatus"].endswith("ROLLBACK_FAILED"):
            mark_failed(stack)

    async def go_on_and_tell(stack_name, *rest, **more):
        stack = _stacks.get(stack_name) or {}
        pending = list(stack.get("_rollback_failed", {}))
        await go_on(stack_name, *rest, **more)
        for logical in pending:
            mark(stack, logical, "UPDATE_COMPLETE")
        mark_failed(stack)

    async def deploy_and_tell(stack_name, *rest, **more):
        await deploy(stack_name, *rest, **more)
        stack = _stacks.get(stack_name) or {}
        failed = (stack.get("_failed_operation") or {}).get("failed_logical_id")
        if failed and stack["StackStatus"] == "UPDATE_FAILED":
            mark(stack, failed, "UPDATE_FAILED")

    for module in (changesets, handlers, stacks):
        for name, function in {
            "_roll_back_operation": roll_back_and_tell,
            "_continue_update_rollback_async": go_on_and_tell,
            "_deploy_stack_async": deploy_and_tell,
        }.items():
            if hasattr(module, name):
                setattr(module, name, function)


def news():
    """The newest events of stacks themselves, for the gateway to announce."""
    from ministack.services.cloudformation import _stack_events

    def told(events):
        own = (event for event in events[-200:] if event["ResourceType"] == STACK and event["PhysicalResourceId"] == event["StackId"])
        return [{key: event.get(key) for key in ("EventId", "StackId", "ResourceStatus", "ResourceStatusReason", "ClientRequestToken")} for event in own]

    return [event for events in list(_stack_events.values()) for event in told(list(events))]


# Faults of resources

HITS = []
HITS_LOCK = threading.Lock()


def hit(rules):
    """Sets which resources fail or take their time; see `ResourceFault` of the gateway."""
    with HITS_LOCK:
        HITS[:] = [dict(rule) for rule in rules]


def strike(action, stack, logical):
    with HITS_LOCK:
        for rule in HITS:
            is_meant = rule["action"] == action and rule["stack"] == stack and rule["resource"] == logical
            if is_meant and rule["skip"] > 0:
                rule["skip"] -= 1
            elif is_meant and rule["times"] > 0:
                rule["times"] -= 1
                return rule
    return None


def suffer(action, stack, logical):
    rule = strike(action, stack, logical)
    if rule is None:
        return
    until = time.monotonic() + rule["seconds"]
    while time.monotonic() < until and any(one is rule for one in HITS):
        time.sleep(0.02)
    if rule["reason"]:
        raise ValueError(rule["reason"])


def hit_resources():
    from ministack.services.cloudformation import provisioners, stacks

    provision, update, delete = provisioners._provision_resource, provisioners._update_resource, provisioners._delete_resource
    blocking = stacks._runs_on_worker_thread

    def provision_or_fail(resource_type, logical_id, props, stack_name, *rest, **more):
        suffer("create", stack_name, logical_id)
        return provision(resource_type, logical_id, props, stack_name, *rest, **more)

    def update_or_fail(resource_type, physical_id, old, new, stack_name="", logical_id=None, *rest, **more):
        if old != new:
            suffer("update", stack_name, logical_id)
        return update(resource_type, physical_id, old, new, stack_name, logical_id, *rest, **more)

    def delete_or_fail(resource_type, physical_id, props, stack_name="", logical_id=None, *rest, **more):
        suffer("delete", stack_name, logical_id)
        return delete(resource_type, physical_id, props, stack_name, logical_id, *rest, **more)

    for module in (provisioners, stacks):
        module._provision_resource, module._update_resource, module._delete_resource = provision_or_fail, update_or_fail, delete_or_fail
    # A resource that takes its time must not keep the emulator from answering.
    stacks._runs_on_worker_thread = lambda kind: blocking(kind) or any(rule["seconds"] for rule in list(HITS))


SERVICE = "AWS::ECS::Service"
# AWS waits for hours; a service that never comes up must not keep a test for longer than this.
SERVICE_SECONDS = 30


def wait_for_services():
    """Has a service be complete once its deployment is. What refuses a service that is not is told by who looks at it then."""
    from ministack.services.cloudformation import provisioners, stacks

    provision, update = provisioners._provision_resource, provisioners._update_resource
    blocking = stacks._runs_on_worker_thread

    def provision_whole(resource_type, logical_id, props, *rest, **more):
        made = provision(resource_type, logical_id, props, *rest, **more)
        if resource_type == SERVICE:
            wait_for(props, made[0])
        return made

    def update_whole(resource_type, physical_id, old, new, *rest, **more):
        made = update(resource_type, physical_id, old, new, *rest, **more)
        if resource_type == SERVICE and old != new:
            wait_for(new, made[0])
        return made

    for module in (provisioners, stacks):
        module._provision_resource, module._update_resource = provision_whole, update_whole
    stacks._runs_on_worker_thread = lambda kind: blocking(kind) or kind == SERVICE


def wait_for(props, arn):
    from ministack.services import ecs

    asked = {"cluster": props.get("Cluster", "default"), "services": [arn.rsplit("/", 1)[-1]]}
    until = time.monotonic() + SERVICE_SECONDS
    while time.monotonic() < until:
        status, _, body = ecs._describe_services(asked)
        services = json.loads(body)["services"] if status == 200 else []
        if not services or settled(services[0]):
            return
        time.sleep(0.2)


def settled(service):
    deployments = service["deployments"]
    failed = any(deployment.get("rolloutState") == "FAILED" for deployment in deployments)
    return failed or (len(deployments) == 1 and service["runningCount"] == service["desiredCount"])
