"""Starts one task of the bridge for one call, and answers with its ARN."""

import json
import os

import boto3

ecs = boto3.client("ecs")


def handler(event, _context):
    call = event.get("call")
    if not isinstance(call, str) or not call:
        raise ValueError(f"found {json.dumps(event)[:200]}, expected an event with the text `call`")
    answer = ecs.run_task(
        cluster=os.environ["CLUSTER"],
        taskDefinition=os.environ["TASK_DEFINITION"],
        # The same call never starts two tasks, however often the event comes.
        clientToken=call[:64],
        overrides={
            "containerOverrides": [{"name": "bridge", "environment": [{"name": "CALL", "value": call}]}]
        },
    )
    if answer["failures"]:
        raise RuntimeError(f"no task was started for call {call}: {answer['failures']}")
    return {"task": answer["tasks"][0]["taskArn"]}
