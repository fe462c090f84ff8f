# From the change sets of an app's stacks (describe-change-set --include-property-values) to changes.json.

def action:
  if .Action == "Add" then "create"
  elif .Action == "Import" then "update"
  elif .Action == "Remove" and (.PolicyAction // "" | test("Retain")) then "update"
  elif .Action == "Remove" then "delete"
  elif .Action == "Modify" and .Replacement != null and .Replacement != "False" then "replace"
  else "update"
  end;

def shortened($most): if length > $most then .[:$most] + ["\(length - $most) more"] else . end;

def detail:
  [
    (select(.Action == "Import") | "imported"),
    (select(.Action == "Remove" and (.PolicyAction // "" | test("Retain"))) | "leaves the stack, and stays"),
    (select(.Action == "Modify" and .Replacement == "Conditional") | "perhaps replaced"),
    (select(.Action == "Modify")
      | [(.Details // [])[].Target | select(.Attribute == "Properties" and .Name != null)
          | if .BeforeValue != null and .AfterValue != null then "\(.Name) \(.BeforeValue) -> \(.AfterValue)" else .Name end]
      | unique | shortened(5) | if . == [] then empty else join(", ") end)
  ]
  | if . == [] then {} else {detail: join("; ")} end;

{
  changes: [
    .[]
    | .StackName as $stack
    | (.Changes // [])[]
    | select(.Type == "Resource")
    | .ResourceChange
    | {resource: "\($stack)/\(.LogicalResourceId)", type: .ResourceType, action: action} + detail
  ]
}
