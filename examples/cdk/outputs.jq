# From the stacks of an app (describe-stacks) to outputs.json.
[.[].Stacks[].Outputs // [] | .[]]
| group_by(.OutputKey)
| map(select(length == 1) | {key: .[0].OutputKey, value: .[0].OutputValue})
| from_entries
