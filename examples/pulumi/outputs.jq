# From `pulumi stack output --json` to outputs.json: texts, and no secrets.
with_entries(
  select(.value != "[secret]")
  | .value |= (if type == "string" then . else tojson end)
)
