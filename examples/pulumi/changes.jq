# From `pulumi preview --json` to changes.json. Values are not told: inputs may be secrets.

def action:
  {
    create: "create", import: "create",
    update: "update",
    delete: "delete",
    replace: "replace", "import-replacement": "replace"
  }[.];

# urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME
def name: split("::") | "\(.[2])::\(.[3:] | join("::"))";
def type: split("::")[2] | split("$") | last;

def detail:
  [
    (select(.op | startswith("import")) | "imported"),
    (select((.replaceReasons // []) != []) | "because of \(.replaceReasons | join(", "))"),
    (select((.diffReasons // []) != [] and .op == "update") | .diffReasons | join(", "))
  ]
  | if . == [] then {} else {detail: join("; ")} end;

{
  changes: [
    (.steps // [])[]
    # What a replacement is made of (create-replacement, delete-replaced) is told by its step `replace`.
    | (.op | action) as $action
    | select($action != null)
    | (.urn | type) as $type
    # The stack itself and the providers are no resources.
    | select($type != "pulumi:pulumi:Stack" and ($type | startswith("pulumi:providers:") | not))
    | {resource: (.urn | name), type: $type, action: $action} + detail
  ]
}
