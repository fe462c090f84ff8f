#!/usr/bin/env bash
# Plans or applies with Pulumi, as Lockstep asks for it: docs/infrastructure-builds.md.
set -euo pipefail

# Plans are shown in --help only with this.
export PULUMI_EXPERIMENTAL=true PULUMI_SKIP_UPDATE_CHECK=true PULUMI_OPTION_NON_INTERACTIVE=true PULUMI_OPTION_COLOR=never

store() { aws s3 cp --only-show-errors "$1" "$LOCKSTEP_WORK/$2"; }
fetch() { aws s3 cp --only-show-errors "$LOCKSTEP_WORK/$1" "$2"; }

# What may be told to others: secrets are shown as [secret].
tell_outputs() {
  pulumi stack output --json | jq -f outputs.jq >outputs.json
  store outputs.json outputs.json
}

# One Pulumi stack for each environment. The variables of lockstep.yaml are its configuration.
select_stack() {
  pulumi stack select --create --secrets-provider "$SECRETS_PROVIDER" "$LOCKSTEP_ENVIRONMENT"
  fetch variables.json variables.json
  while IFS= read -r name && IFS= read -r value; do
    pulumi config set "$name" --plaintext -- "$(jq -r . <<<"$value")"
  done < <(jq -r 'to_entries[] | .key, (.value | tojson)' variables.json)
}

case $LOCKSTEP_VERB in
  plan)
    select_stack
    pulumi preview --json --save-plan=plan.json >preview.json || {
      jq -r '.diagnostics[]?.message // empty' preview.json >&2
      exit 1
    }
    jq -f changes.jq preview.json >changes.json
    store plan.json plan/plan.json
    if [ "$(jq '.changes | length' changes.json)" = 0 ]; then
      tell_outputs
    fi
    store changes.json changes.json
    ;;
  apply)
    select_stack
    fetch plan/plan.json plan.json
    # Whatever is not in the plan is refused.
    pulumi up --yes --skip-preview --plan=plan.json
    tell_outputs
    ;;
  *)
    echo "LOCKSTEP_VERB is '$LOCKSTEP_VERB', not plan or apply" >&2
    exit 2
    ;;
esac
