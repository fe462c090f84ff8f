# From `terraform output -json` to outputs.json: texts, and none that is sensitive.
with_entries(
  select(.value.sensitive | not)
  | .value |= (.value | if type == "string" then . else tojson end)
)
