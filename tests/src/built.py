"""The smallest tool that keeps the contract of infrastructure builds: it plans, applies what was planned, and keeps a state."""

import json
import os
import sys

import boto3

s3, ssm, dynamodb = boto3.client("s3"), boto3.client("ssm"), boto3.client("dynamodb")
bucket, _, work = os.environ["LOCKSTEP_WORK"].removeprefix("s3://").partition("/")
application, component = os.environ["LOCKSTEP_APPLICATION"], os.environ["LOCKSTEP_COMPONENT"]
STATE = f"tool-state/{application}/{component}.json"


def read(key, default=None):
    try:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return default


def write(key, value):
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(value).encode())


def change(resource, kind, before, after):
    if before == after:
        return []
    word = "value" if kind == "aws_ssm_parameter" else "hash_key"
    action = "create" if before is None else "delete" if after is None else "update" if word == "value" else "replace"
    detail = {"update": f"{word} {before} -> {after}", "replace": f"{word} {before} -> {after}"}.get(action)
    return [{"resource": resource, "type": kind, "action": action, **({"detail": detail} if detail else {})}]


def plan(wanted, state):
    if wanted["fails"] == "plan":
        sys.exit("Error: Unsupported argument: an argument named \"hash_kye\" is not expected here")
    changes = change("aws_ssm_parameter.note", "aws_ssm_parameter", state.get("note"), wanted["note"])
    changes += change("aws_dynamodb_table.orders", "aws_dynamodb_table", state.get("key"), wanted["key"])
    write(f"{work}/plan/plan.json", wanted)
    write(f"{work}/changes.json", {"changes": changes})
    if not changes:
        write(f"{work}/outputs.json", {"note": state["note"]})


def table(state, key):
    name = f"{application}-orders"
    if state.get("key") == key:
        return
    if state.get("key"):
        dynamodb.delete_table(TableName=name)
    if key:
        attribute = [{"AttributeName": key, "AttributeType": "S"}]
        schema = [{"AttributeName": key, "KeyType": "HASH"}]
        dynamodb.create_table(TableName=name, AttributeDefinitions=attribute, KeySchema=schema, BillingMode="PAY_PER_REQUEST")
    state["key"] = key


def apply(state):
    wanted = read(f"{work}/plan/plan.json")
    ssm.put_parameter(Name=f"/{application}/platform", Value=wanted["note"], Type="String", Overwrite=True)
    state["note"] = wanted["note"]
    write(STATE, state)
    if wanted["fails"] == "apply":
        sys.exit("Error: creating DynamoDB Table: LimitExceededException: Subscriber limit exceeded")
    table(state, wanted["key"])
    write(STATE, state)
    write(f"{work}/outputs.json", {"note": state["note"]})


known = read(STATE, {})
if os.environ["LOCKSTEP_VERB"] == "plan":
    with open("infrastructure.json", encoding="utf-8") as file:
        plan({**json.load(file), **read(f"{work}/variables.json")}, known)
else:
    apply(known)
