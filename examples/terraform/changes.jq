# From `terraform show -json PLAN` (https://developer.hashicorp.com/terraform/internals/json-format) to changes.json.
# Values of sensitive attributes are never told.

def action:
  if . == ["create"] or . == ["create", "forget"] then "create"
  elif . == ["update"] or . == ["forget"] then "update"
  elif . == ["delete"] then "delete"
  elif (index("delete") != null) and (index("create") != null) then "replace"
  else null
  end;

def text: if type == "string" then . elif . == null then "nothing" else tojson end;

def is_plain: type != "object" and type != "array";

# `true`, or an object or array in which something is `true`: part of the value is sensitive, or not known.
def marks: [.. | select(. == true)] | length > 0;

# What is told of one attribute that changes: `class small -> large`.
def attribute($change; $name):
  ($change.before // {})[$name] as $before | ($change.after // {})[$name] as $after
  | (($change.before_sensitive // {}) | if type == "object" then .[$name] // false else . end | marks) as $hidden_before
  | (($change.after_sensitive // {}) | if type == "object" then .[$name] // false else . end | marks) as $hidden_after
  | (($change.after_unknown // {}) | if type == "object" then .[$name] // false else . end | marks) as $unknown
  | if $hidden_before or $hidden_after then "\($name) (sensitive)"
    elif $unknown then "\($name) -> (known after apply)"
    elif ($before | is_plain) and ($after | is_plain) then "\($name) \($before | text) -> \($after | text)"
    else $name
    end;

def attributes($change):
  [(($change.before // {}) | keys[]), (($change.after // {}) | keys[]), (($change.after_unknown // {}) | if type == "object" then keys[] else empty end)]
  | unique
  | map(. as $name | select(($change.before // {})[$name] != ($change.after // {})[$name]
      or (($change.after_unknown // {})[$name] // false | marks)))
  | map(attribute($change; .));

def shortened($most): if length > $most then .[:$most] + ["\(length - $most) more"] else . end;

def detail($action):
  .change as $change
  | [
      (select($change.actions == ["forget"]) | "is not managed any more, and stays"),
      (select($change.actions == ["create", "forget"]) | "the one that is there stays, and is not managed any more"),
      (select($change.importing != null) | "imported"),
      (select(.previous_address != null) | "was \(.previous_address)"),
      (select(.deposed != null) | "what is left of an earlier replacement"),
      (select($action == "replace" and ($change.replace_paths // []) != [])
        | "because of \($change.replace_paths | map(map(tostring) | join(".")) | join(", "))"),
      (select(($action == "update" or $action == "replace") and $change.actions != ["forget"])
        | attributes($change) | shortened(5) | if . == [] then empty else join(", ") end)
    ]
  | if . == [] then {} else {detail: join("; ")} end;

def resource:
  (.change.actions | action) as $action
  # Nothing is done to it, but the state is written anew: it was imported, or has another name now.
  | (if $action != null then $action
     elif .mode == "managed" and .change.actions == ["no-op"] and (.change.importing != null or .previous_address != null) then "update"
     else empty
     end) as $action
  | {resource: .address, type: .type, action: $action} + detail($action);

def output:
  (.value.actions | action) as $action
  | select($action != null)
  | {resource: "output.\(.key)", type: "output", action: $action};

{
  changes: (
    [(.resource_changes // [])[] | select(.mode == "managed") | resource]
    + [(.output_changes // {}) | to_entries[] | output]
  )
}
