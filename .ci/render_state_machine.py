"""Write the state machine as validators can read it: placeholders filled in.

    render_state_machine.py FOLDER

`deploy.json` is for asl-validator. `statelint.json` is for statelint, which knows no JSONata in a
Wait state's `Seconds` and gets a number there.
"""

import json
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).parent.parent / "state-machine" / "deploy.asl.json"


def fill_in(text: str) -> str:
    text = re.sub(r"\$\{\w+Seconds\}", "30", text)
    return re.sub(
        r"\$\{(\w+)FunctionArn\}",
        lambda match: f"arn:aws:lambda:us-east-1:000000000000:function:lockstep-{match[1].lower()}",
        text,
    )


def with_plain_waits(machine: dict) -> dict:
    for state in machine["States"].values():
        if state["Type"] == "Wait":
            state["Seconds"] = 1
        if state["Type"] == "Map":
            with_plain_waits(state["ItemProcessor"])
    return machine


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    text = fill_in(SOURCE.read_text())
    if "${" in text:
        sys.exit(f"{SOURCE}: a placeholder was not filled in")
    (folder / "deploy.json").write_text(text)
    (folder / "statelint.json").write_text(json.dumps(with_plain_waits(json.loads(text))))


main()
